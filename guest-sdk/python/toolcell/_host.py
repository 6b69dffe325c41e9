"""The calls that leave the plugin: to the host, or in plain Python, where there is none, to the stand-ins of `testing`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass
class Request:
    """An HTTP request as the contract has it."""

    method: str
    url: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    timeout_ms: int | None = None


@dataclass
class Answer:
    """The answer to a request. Names of headers are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Query:
    """A statement as the contract has it: a JSON text for each parameter."""

    database: str
    sql: str
    parameters: list[str]
    max_rows: int


@dataclass
class Rows:
    """What a statement returned: name and type of each column, and each row as the JSON text of an array."""

    columns: list[tuple[str, str]]
    rows: list[str]
    truncated: bool = False


class Host(Protocol):
    """What the contract's imports do. Failures are raised as `ToolError`."""

    def log(self, level: str, message: str) -> None: ...

    def report(self, done: float, total: float | None, message: str | None) -> None: ...

    def variable(self, name: str) -> str | None: ...

    def send(self, request: Request) -> Answer: ...

    def query(self, query: Query) -> Rows: ...

    def cache_get(self, key: str) -> tuple[bytes, int] | None: ...

    def cache_set(self, key: str, value: bytes, ttl_ms: int) -> None: ...

    def cache_delete(self, key: str) -> None: ...


_current: Any = None


def install(host: Host) -> None:
    """Makes `host` the one that all calls go to."""
    global _current
    _current = host


def current() -> Host:
    """The host. Outside of a component that is the stand-in of `testing`."""
    if _current is None:
        # Only plain Python comes here: a component installs its host when it is built.
        from . import _stand_in as _stand_in
    host: Host = _current
    return host
