"""What a plugin's unit tests need: a stand-in for each thing that the host gives.

    with testing.http().answer("GET", "https://example.com/?q=a", 200, {"hits": []}):
        assert http.get("https://example.com/", query={"q": "a"}).json() == {"hits": []}

Tools are found by their names once their module is imported. None of this is part of a component.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import _tool
from ._error import ToolError
from ._output import Text
from ._stand_in import Unexpected, cache, env, http, postgres, stand_in
from ._testing_cache import FakeCache
from ._tool import tools
from .postgres import DatabaseError, Refusal

__all__ = [
    "FakeCache",
    "Result",
    "Unexpected",
    "advance",
    "cache",
    "call",
    "env",
    "examples",
    "http",
    "postgres",
    "raises",
    "take_logs",
    "take_progress",
    "tools",
]


@dataclass(frozen=True)
class Result:
    """What a tool answered: its structured part as JSON brings it, and its texts, one a line."""

    structured: Any
    text: str


def call(name: str, arguments: dict[str, Any]) -> Result:
    """Calls a tool as the host does, with JSON in and out.

    Raises `ToolError`: what the tool raised, and what becomes of any other exception. The host checks the arguments against the
    schema before that; this function does not.
    """
    try:
        output = _tool.find(name).call(json.dumps(arguments))
    except ToolError as error:
        if isinstance(error.__cause__, Unexpected):
            raise error.__cause__ from None
        raise
    texts = [part.text for part in output.content if isinstance(part, Text)]
    return Result(None if output.structured is None else json.loads(output.structured), "\n".join(texts))


@contextlib.contextmanager
def raises(code: str) -> Iterator[None]:
    """Fails the test unless a `ToolError` with this code is raised within the `with` statement."""
    try:
        yield
    except ToolError as error:
        if error.code != code:
            raise
    else:
        raise AssertionError(f"no error `{code}` was raised")


def take_logs() -> list[tuple[str, str]]:
    """Takes the lines that were logged so far, each with its level."""
    taken, stand_in.logs = stand_in.logs, []
    return taken


def take_progress() -> list[tuple[float, float | None, str | None]]:
    """Takes what was reported as progress so far."""
    taken, stand_in.reports = stand_in.reports, []
    return taken


def advance(seconds: float) -> None:
    """Moves the clock of the cache forward: entries age, and go when their time is over."""
    stand_in.cache.advance(seconds)


def examples(folder: str | pathlib.Path) -> None:
    """Runs every `*.json` in a folder: calls a tool, answers its requests and statements from the file, compares the result.

    The form is that of `toolcell smoke`, which runs the same files with the component in the real host.
    """
    paths = sorted(pathlib.Path(folder).glob("*.json"))
    if not paths:
        raise AssertionError(f"{folder} holds no *.json")
    for path in paths:
        try:
            _run(json.loads(path.read_text(encoding="utf-8")))
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise AssertionError(f"{path}: {type(error).__name__}: {error}") from error


_MEMBERS = {"description", "tool", "arguments", "env", "upstream", "databases", "varies", "expect"}


def _run(example: dict[str, Any]) -> None:
    if unknown := example.keys() - _MEMBERS:
        raise ValueError(f"an example has no member {', '.join(sorted(unknown))}")
    requests, statements = http(), postgres()
    for answer in example.get("upstream", []):
        if "fail" in answer:
            requests.fail(answer["method"], answer["url"], _failed(answer["fail"], answer["url"]))
        else:
            arguments = (answer["method"], answer["url"], answer["status"], answer["body"], answer.get("headers"))
            requests.answer(*arguments)
    for answer in example.get("databases", []):
        statement = (answer["database"], answer["sql"], answer.get("parameters", []))
        if error := answer.get("error"):
            statements.fail(*statement, _database_error(**error))
        else:
            columns = [(column["name"], column["type"]) for column in answer["columns"]]
            statements.answer(*statement, columns, answer["rows"], truncated=answer.get("truncated", False))
    with contextlib.ExitStack() as stack:
        for name, value in example.get("env", {}).items():
            stack.enter_context(env(name, value))
        # What another example left in the cache is not for this one.
        stack.enter_context(cache())
        stack.enter_context(requests)
        stack.enter_context(statements)
        result = _as_json(example["tool"], example["arguments"])
        difference = _difference(example["expect"], result, "")
        if difference:
            raise AssertionError(f"{difference}\nthe whole result: {json.dumps(result, indent=2)}")


def _as_json(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        result = call(name, arguments)
    except ToolError as error:
        members = ("code", "message", "check_first", "retryable")
        return {"error": {"likely_causes": error.causes, **{name: getattr(error, name) for name in members}}}
    parts = {"structured": result.structured, "text": result.text}
    return {name: part for name, part in parts.items() if part not in (None, "")}


def _difference(expected: Any, actual: Any, pointer: str) -> str | None:
    """Where `actual` lacks something of `expected`. Of an object only the members that are expected count."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            if name not in actual:
                return f"{pointer}/{name} is missing, expected {json.dumps(value)}"
            if difference := _difference(value, actual[name], f"{pointer}/{name}"):
                return difference
        return None
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        differences = (_difference(*pair, f"{pointer}/{at}") for at, pair in enumerate(zip(expected, actual)))
        return next(filter(None, differences), None)
    is_equal = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return None if is_equal else f"{pointer} is {json.dumps(actual)}, expected {json.dumps(expected)}"


def _failed(kind: str, url: str) -> ToolError:
    """What the host says of a server that gives no answer."""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0].partition("?")[0]
    at = authority if ":" in authority else f"{authority}:{80 if scheme == 'http' else 443}"
    messages = {
        "refused": (
            f"the connection to {at} was refused",
            ["the service is not running", "it listens on another port", "a firewall rejects the connection"],
            f"whether the service at {at} is running",
        ),
        "timeout": (
            f"connecting to {at} was given up after 10s",
            ["a firewall drops the connection without a word", "the server is down or overloaded"],
            f"whether the machine that runs toolcell reaches {at}",
        ),
    }
    message, causes, check_first = messages[kind]
    return ToolError("upstream_unreachable", message, causes=causes, check_first=check_first, retryable=True)


def _database_error(
    code: str,
    message: str,
    likely_causes: list[str],
    check_first: str,
    retryable: bool,
    refusal: dict[str, Any] | None = None,
) -> DatabaseError:
    said = Refusal(**refusal) if refusal else None
    return DatabaseError(
        code, message, causes=likely_causes, check_first=check_first, retryable=retryable, refusal=said
    )
