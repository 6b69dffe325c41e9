"""Write tools for Toolcell in Python: typed, documented functions that run as WebAssembly components.

`tool` makes a tool of a function, `ToolError` is what goes wrong, `Schema` adds bounds to a type. Beside its result a tool
has `http`, `postgres`, `cache`, `env`, `log` and `progress`; `testing` stands in for them in unit tests.
"""

from . import cache, env, http, log, postgres, progress
from ._error import ToolError
from ._output import Audio, Content, Embedded, Image, Link, Other, Output, Text
from ._tool import Hints, Tool, tool, tools
from ._types import Schema

__all__ = [
    "Audio",
    "Content",
    "Embedded",
    "Hints",
    "Image",
    "Link",
    "Other",
    "Output",
    "Schema",
    "Text",
    "Tool",
    "ToolError",
    "cache",
    "env",
    "http",
    "log",
    "postgres",
    "progress",
    "tool",
    "tools",
]
