"""Answers that are not typed JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ._error import ToolError
from ._form import to_plain


@dataclass(frozen=True)
class Text:
    """A part of text."""

    text: str


@dataclass(frozen=True)
class Image:
    """A picture with its media type, for example `image/png`."""

    data: bytes
    mime_type: str


@dataclass(frozen=True)
class Audio:
    """Sound with its media type, for example `audio/wav`."""

    data: bytes
    mime_type: str


@dataclass(frozen=True)
class Link:
    """A resource that the client can fetch by itself."""

    uri: str
    name: str
    description: str | None = None
    mime_type: str | None = None


@dataclass(frozen=True)
class Embedded:
    """A resource together with its contents, which are text or bytes."""

    uri: str
    contents: str | bytes
    mime_type: str | None = None


@dataclass(frozen=True)
class Other:
    """A content block that MCP knows and this package does not, as the object that MCP defines for it."""

    block: dict[str, Any]


Content = Text | Image | Audio | Link | Embedded | Other


class Output:
    """An answer made of parts, for what typed JSON cannot express: images, audio, links, several texts.

    `structured` is a value whose JSON is an object. Give the tool its schema by `@tool(output=...)`.
    """

    def __init__(self, *content: Content | str, structured: Any = None) -> None:
        self.content: list[Content] = [Text(part) if isinstance(part, str) else part for part in content]
        self.structured: str | None = None if structured is None else to_json(structured)


def to_json(value: Any) -> str:
    """The JSON text of a result. Raises `unwritable_result` when it has none."""
    try:
        # The encoder in C knows lists, dicts and scalars; it asks for the rest.
        return json.dumps(value, default=to_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise ToolError(
            "unwritable_result",
            f"the tool's result has no JSON form: {error}",
            causes=["a bug in the plugin: a type that JSON does not have, or a number that is not finite"],
            check_first="Report it to the author of the plugin.",
        ) from error
