"""What componentize-py makes a component of: the exports of the contract, and the host behind its imports.

It is imported when the component is built, and the memory that this leaves becomes part of the component. A call therefore
imports nothing and builds no schema. Nothing else in this package imports the bindings, which exist only there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

# The standard library imports these within functions, where a component has no modules to import any more.
import _strptime  # noqa: F401
import base64  # noqa: F401
import calendar  # noqa: F401
import datetime  # noqa: F401
import decimal  # noqa: F401
import difflib  # noqa: F401
import encodings.ascii  # noqa: F401
import encodings.cp1252  # noqa: F401
import encodings.idna  # noqa: F401
import encodings.latin_1  # noqa: F401
import encodings.utf_16  # noqa: F401
import encodings.utf_8_sig  # noqa: F401
import html.entities  # noqa: F401
import locale  # noqa: F401
import os
import unicodedata  # noqa: F401

import wit_world.exports
from componentize_py_types import Err
from wit_world.imports import cache, http, log, postgres, progress, tool_types

from . import _host, _urllib
from ._error import ToolError
from ._output import Audio, Content, Embedded, Image, Link, Other, Output, Text
from ._tool import Tool, find, tools
from .postgres import DatabaseError, Refusal

T = TypeVar("T")

_LEVELS = {"debug": log.Level.DEBUG, "info": log.Level.INFO, "warn": log.Level.WARN, "error": log.Level.ERROR}


class _Imports:
    """The host behind the contract's imports."""

    def log(self, level: str, message: str) -> None:
        log.log(_LEVELS[level], message)

    def report(self, done: float, total: float | None, message: str | None) -> None:
        progress.report(done, total, message)

    def variable(self, name: str) -> str | None:
        return os.environ.get(name)

    def send(self, request: _host.Request) -> _host.Answer:
        sent = http.Request(request.method, request.url, request.headers, request.body, request.timeout_ms, None)
        answer = _answered(lambda: http.send(sent))
        return _host.Answer(answer.status, answer.headers, answer.body)

    def query(self, query: _host.Query) -> _host.Rows:
        asked = postgres.Query(query.database, query.sql, query.parameters, query.max_rows, None)
        try:
            rows = postgres.run(asked)
        except Err as error:
            refusal = error.value.refusal
            known = refusal and Refusal(
                refusal.sqlstate, refusal.message, refusal.detail, refusal.hint, refusal.position
            )
            raise _host_error(error.value.failure, DatabaseError, refusal=known) from None
        return _host.Rows([(column.name, column.type_name) for column in rows.columns], rows.rows, rows.truncated)

    def cache_get(self, key: str) -> tuple[bytes, int] | None:
        entry = _answered(lambda: cache.get(key))
        return None if entry is None else (entry.value, entry.age_ms)

    def cache_set(self, key: str, value: bytes, ttl_ms: int) -> None:
        _answered(lambda: cache.set(key, value, ttl_ms))

    def cache_delete(self, key: str) -> None:
        _answered(lambda: cache.delete(key))


def _answered(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except Err as error:
        raise _host_error(error.value, ToolError) from None


def _host_error(error: Any, kind: type[ToolError], **more: Any) -> ToolError:
    return kind(
        error.code,
        error.message,
        causes=error.likely_causes,
        check_first=error.check_first,
        retryable=error.retryable,
        **more,
    )


def _listed(tool: Tool) -> Any:
    hints = tool.hints
    return tool_types.Tool(
        tool.name,
        tool.title,
        tool.description,
        json.dumps(tool.input_schema, ensure_ascii=False),
        None if tool.output_schema is None else json.dumps(tool.output_schema, ensure_ascii=False),
        tool_types.Hints(hints.read_only, hints.destructive, hints.idempotent, hints.open_world),
        None,
    )


def _part(part: Content) -> Any:
    match part:
        case Text():
            return tool_types.Content_Text(part.text)
        case Image():
            return tool_types.Content_Image(tool_types.Blob(part.data, part.mime_type))
        case Audio():
            return tool_types.Content_Audio(tool_types.Blob(part.data, part.mime_type))
        case Link():
            return tool_types.Content_Link(tool_types.Link(part.uri, part.name, part.description, part.mime_type))
        case Embedded(contents=str()):
            contents: Any = tool_types.Contents_Text(part.contents)
        case Embedded():
            contents = tool_types.Contents_Blob(part.contents)
        case Other():
            return tool_types.Content_Other(json.dumps(part.block, ensure_ascii=False))
    return tool_types.Content_Embedded(tool_types.Embedded(part.uri, part.mime_type, contents))


def _crossed(output: Output) -> Any:
    return tool_types.Output([_part(part) for part in output.content], output.structured, None)


class Tools(wit_world.exports.Tools):
    """The exports. The name is componentize-py's for the interface."""

    def list_tools(self) -> list[Any]:
        return _LISTED

    def call_tool(self, name: str, arguments: str) -> Any:
        try:
            return _crossed(find(name).call(arguments))
        except ToolError as error:
            raise Err(
                tool_types.ToolError(
                    error.code, error.message, error.causes, error.check_first, error.retryable, None
                )
            ) from None


_host.install(_Imports())
_urllib.install()

import plugin  # noqa: E402, F401  # The author's module, which defines the tools, and may use the host from its first line.

_LISTED = [_listed(tool) for tool in tools()]
if not _LISTED:
    raise TypeError("plugin.py defines no tool: put @tool before a function")

# Once, so that what Python keeps after the first use of something is part of the component, and not made in each call.
_crossed(Output("", structured=[json.loads('{"a": [1, 2.5, "b", null, true]}'), tool_types.Blob(b"", "")]))
