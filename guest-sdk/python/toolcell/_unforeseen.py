"""What becomes of an exception that a tool did not catch: left alone it would end the instance without a word."""

from __future__ import annotations

import os
import types

from ._error import ToolError

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))


def as_tool_error(tool: str, exception: BaseException) -> ToolError:
    """The `ToolError` that it is or carries, or one that names its type and the author's line."""
    foreseen = _foreseen(exception)
    if foreseen is not None:
        return foreseen
    line = _line(exception.__traceback__)
    what = _one_line(f"{type(exception).__name__}: {exception}".removesuffix(": "))
    if isinstance(exception, ImportError):
        causes = ["an import within a function: a component holds only the modules that were imported when it was built"]
        check_first = "Report it to the plugin's author, who imports the module at the top of plugin.py."
    else:
        causes = [
            "a bug in the plugin that these arguments bring out",
            "an answer of an upstream in a form that the plugin did not expect",
        ]
        check_first = "Try other arguments; if it stays, report the message and these arguments to the plugin's author."
    message = f"`{tool}` crashed{f' at {line}' if line else ''}: {what}"
    return ToolError("crashed", message, causes=causes, check_first=check_first)


def _foreseen(exception: BaseException) -> ToolError | None:
    if isinstance(exception, ToolError):
        return exception
    # `URLError` carries what the host said.
    reason = getattr(exception, "reason", None)
    return reason if isinstance(reason, ToolError) else None


def _line(traceback: types.TracebackType | None) -> str | None:
    """The innermost line outside of this package and of the standard library, as `plugin.py:12`."""
    found = None
    while traceback is not None:
        path = traceback.tb_frame.f_code.co_filename
        if not _is_library(path):
            found = f"{os.path.basename(path)}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


def _is_library(path: str) -> bool:
    is_own = os.path.abspath(path).startswith(_OWN_FOLDER + os.sep)
    return is_own or path.startswith("<") or path.startswith(os.path.dirname(os.__file__) + os.sep)


def _one_line(text: str) -> str:
    """At most 300 characters, and none that breaks the line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= 300 else line[:300] + "…"
