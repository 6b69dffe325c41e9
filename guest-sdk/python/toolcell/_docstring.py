"""What a docstring says: the text about the whole, and the texts about its parameters."""

from __future__ import annotations

import inspect
import re

_PARAMETERS = {"args", "arguments", "parameters", "params", "attributes"}
_SECTION = re.compile(r"^([A-Z][A-Za-z ]*):\s*$")
_ENTRY = re.compile(r"^(\*{0,2}\w+)\s*(?:\([^)]*\))?:\s*(.*)$")
_FIELD = re.compile(r"^:(?:param|parameter|arg|argument|attr|ivar)\s+(?:[^:]*\s)?(\w+):\s*(.*)$")
_OTHER_FIELD = re.compile(r"^:(?:type|returns?|rtype|raises?|vartype)\b[^:]*:\s*(.*)$")


def parse(docstring: str | None) -> tuple[str, dict[str, str]]:
    """The description as paragraphs, and that of each parameter by its name.

    Parameters are read from an indented section `Args:`, `Parameters:` or `Attributes:`, and from lines `:param name: text`.
    Other sections stay in the description.
    """
    lines = inspect.cleandoc(docstring or "").splitlines()
    kept: list[str] = []
    entries: dict[str, list[str]] = {}
    at = 0
    while at < len(lines):
        section = _SECTION.match(lines[at])
        if section and section[1].lower() in _PARAMETERS:
            end = _end_of_section(lines, at + 1)
            _read_entries(lines[at + 1 : end], entries)
            at = end
        elif field := _FIELD.match(lines[at]):
            at = _read_field(lines, at, entries.setdefault(field[1], []), field[2])
        elif _OTHER_FIELD.match(lines[at]):
            at = _read_field(lines, at, [], "")
        elif section:
            # `Returns:` and the like read on as sentences.
            end = _end_of_section(lines, at + 1)
            body = inspect.cleandoc("\n".join(lines[at + 1 : end])).splitlines()
            kept += [f"{lines[at].rstrip()} {body[0]}", *body[1:]] if body else [lines[at]]
            at = end
        else:
            kept.append(lines[at])
            at += 1
    return joined(kept), {name: joined(text) for name, text in entries.items()}


def joined(lines: list[str]) -> str:
    """Source is broken into lines for its file. A model gets paragraphs; lists keep their lines."""
    text = ""
    for line in "\n".join(lines).strip().splitlines():
        starts_anew = not line or line[0] in "-* " or text.endswith("\n")
        text += ("\n" if starts_anew else " ") + line if text else line
    return re.sub(r"\n{3,}", "\n\n", text)


def _end_of_section(lines: list[str], start: int) -> int:
    end = start
    while end < len(lines) and (not lines[end] or lines[end][0] == " "):
        end += 1
    return end


def _read_entries(lines: list[str], entries: dict[str, list[str]]) -> None:
    text: list[str] = []
    body = inspect.cleandoc("\n".join(lines)) if lines else ""
    for line in body.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            text = entries.setdefault(entry[1].lstrip("*"), [])
            text.append(entry[2])
        else:
            text.append(line.strip())


def _read_field(lines: list[str], at: int, text: list[str], first: str) -> int:
    text.append(first)
    at += 1
    while at < len(lines) and lines[at].startswith(" "):
        text.append(lines[at].strip())
        at += 1
    return at
