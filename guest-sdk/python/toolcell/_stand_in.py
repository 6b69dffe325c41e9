"""The host of plain Python, and the answers that tests give it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import _host, _urllib
from ._error import ToolError
from ._testing_cache import FakeCache


class Unexpected(AssertionError):
    """The code under test asks for what no answer is left for. It fails the test, also from within a tool."""


@dataclass
class _Expected:
    """Answers that wait for what asks for them, by what has to be equal. Equal ones serve in the order given."""

    what: str
    answers: list[tuple[Any, Any]] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)

    def take(self, asked: Any, shown: str) -> Any:
        for at, (expected, answer) in enumerate(self.answers):
            if expected == asked:
                del self.answers[at]
                if isinstance(answer, ToolError):
                    raise answer
                return answer
        raise Unexpected(f"unexpected {self.what}: {shown}\nanswers are left for:{self.left()}")

    def left(self) -> str:
        return "".join(f"\n  {_shown(expected)}" for expected, _ in self.answers) or " none"


def _shown(expected: tuple[Any, ...]) -> str:
    return " ".join(part if isinstance(part, str) else json.dumps(part) for part in expected)


class http:
    """Answers for the requests that the code under test is expected to send, within a `with` statement.

    A request that no answer is left for fails the test, as does an answer that is left in the end.
    """

    def __init__(self) -> None:
        self._expected = _Expected("request")

    def answer(
        self, method: str, url: str, status: int, body: Any = b"", headers: dict[str, str] | None = None
    ) -> http:
        """Answers a request with `body`: text, bytes, or a value that becomes JSON with the `content-type` that says so.

        The request matches when method and URL are equal, byte for byte, query included.
        """
        fields = {} if isinstance(body, (str, bytes)) else {"content-type": "application/json"}
        fields.update((name.lower(), value) for name, value in (headers or {}).items())
        content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self._expected.answers.append(((method, url), _host.Answer(status, list(fields.items()), content)))
        return self

    def fail(self, method: str, url: str, error: ToolError) -> http:
        """Fails a request as the host does, for example with the code `denied_network`."""
        self._expected.answers.append(((method, url), error))
        return self

    @property
    def requests(self) -> list[_host.Request]:
        """What was sent so far."""
        return list(self._expected.seen)

    def __enter__(self) -> http:
        self._before, stand_in.requests = stand_in.requests, self._expected
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        stand_in.requests = self._before
        # A test that is failing already should fail with its own message.
        if kind is None and self._expected.answers:
            raise AssertionError(f"these requests were expected and never sent:{self._expected.left()}")


class postgres:
    """Answers for the statements that the code under test is expected to run, within a `with` statement.

    A statement matches when database, SQL and parameters are equal; the SQL byte for byte.
    """

    def __init__(self) -> None:
        self._expected = _Expected("statement")

    def answer(
        self,
        database: str,
        sql: str,
        parameters: list[Any],
        columns: list[tuple[str, str]],
        rows: list[list[Any]],
        *,
        truncated: bool = False,
    ) -> postgres:
        """Answers a statement with rows, of one value for each column. A column is its name and type."""
        for row in rows:
            if len(row) != len(columns):
                raise AssertionError(f"{row} is no row for {columns}")
        answer = _host.Rows(columns, [json.dumps(row) for row in rows], truncated)
        self._expected.answers.append(((database, sql, parameters), answer))
        return self

    def fail(self, database: str, sql: str, parameters: list[Any], error: ToolError) -> postgres:
        """Fails a statement as the host does, for example with the code `database_refused` and what the database said."""
        self._expected.answers.append(((database, sql, parameters), error))
        return self

    @property
    def queries(self) -> list[_host.Query]:
        """What was run so far."""
        return list(self._expected.seen)

    def __enter__(self) -> postgres:
        self._before, stand_in.statements = stand_in.statements, self._expected
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        stand_in.statements = self._before
        if kind is None and self._expected.answers:
            raise AssertionError(f"these statements were expected and never run:{self._expected.left()}")


@contextlib.contextmanager
def env(name: str, value: str) -> Iterator[None]:
    """Sets the environment variable of `toolcell.env.var`. The real environment is out of reach of tests."""
    before = stand_in.variables.get(name)
    stand_in.variables[name] = value
    try:
        yield
    finally:
        del stand_in.variables[name]
        if before is not None:
            stand_in.variables[name] = before


@contextlib.contextmanager
def cache(fake: FakeCache | None = None) -> Iterator[FakeCache]:
    """An empty cache, or this one, in place of the one of 16 MiB and an hour that every test has anyway."""
    before, stand_in.cache = stand_in.cache, fake or FakeCache()
    try:
        yield stand_in.cache
    finally:
        stand_in.cache = before


class StandIn:
    """The host of plain Python."""

    def __init__(self) -> None:
        self.logs: list[tuple[str, str]] = []
        self.reports: list[tuple[float, float | None, str | None]] = []
        self.variables: dict[str, str] = {}
        self.requests = _Expected("request")
        self.statements = _Expected("statement")
        self.cache = FakeCache()

    def log(self, level: str, message: str) -> None:
        self.logs.append((level, message))

    def report(self, done: float, total: float | None, message: str | None) -> None:
        self.reports.append((done, total, message))

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def send(self, request: _host.Request) -> _host.Answer:
        answer: _host.Answer = self.requests.take((request.method, request.url), f"{request.method} {request.url}")
        self.requests.seen.append(request)
        return answer

    def query(self, query: _host.Query) -> _host.Rows:
        asked = (query.database, query.sql, [json.loads(parameter) for parameter in query.parameters])
        rows: _host.Rows = self.statements.take(asked, _shown(asked))
        self.statements.seen.append(query)
        return rows

    def cache_get(self, key: str) -> tuple[bytes, int] | None:
        return self.cache.get(key)

    def cache_set(self, key: str, value: bytes, ttl_ms: int) -> None:
        self.cache.set(key, value, ttl_ms)

    def cache_delete(self, key: str) -> None:
        self.cache.delete(key)


stand_in = StandIn()
_host.install(stand_in)
_urllib.install()
