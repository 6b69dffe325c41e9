"""Questions to PostgreSQL databases over the contract's `postgres`.

    rows = postgres.query("replica", "SELECT id, name FROM users WHERE country = $1", country, max_rows=50)
    return [User(**row) for row in rows.dicts()]

A database is known by the name that the manifest asks for (`[capabilities] postgres`) and the operator configured; its address,
user and password stay with the host. Every statement runs alone in a read-only transaction that is rolled back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import _host
from ._error import ToolError


@dataclass(frozen=True)
class Refusal:
    """What the database itself said when it refused a statement."""

    sqlstate: str
    """Five characters (PostgreSQL's appendix A), for example `42703` for a column that does not exist."""
    message: str
    detail: str | None = None
    hint: str | None = None
    position: int | None = None
    """Where in the statement, in characters, from 1."""


class DatabaseError(ToolError):
    """Why a statement has no rows, in the host's words; `refusal` is what the database said, if it said something."""

    def __init__(self, *arguments: Any, refusal: Refusal | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.refusal = refusal


@dataclass(frozen=True)
class Column:
    """A column of a result. The name need not be unique; the type is PostgreSQL's, for example `int4` or `text[]`."""

    name: str
    type: str


@dataclass(frozen=True)
class Rows:
    """What a statement returned."""

    columns: list[Column]
    """What each value of a row is, in their order."""
    rows: list[list[Any]]
    """The values as JSON brings them: docs/postgres.md in Toolcell's repository has the table of types."""
    truncated: bool
    """Whether there were more rows than asked for, or than the size of an answer allows."""

    def dicts(self) -> list[dict[str, Any]]:
        """Each row by the names of its columns."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row)) for row in self.rows]


def query(database: str, sql: str, *parameters: Any, max_rows: int = 1000) -> Rows:
    """Runs one statement, whose parameters are `$1`, `$2` and so on, and waits for its rows.

    A parameter is sent as such and never becomes part of the statement. A string is read as the database reads its text for
    the parameter's type, so that dates, decimals and identifiers are strings; `None` is NULL. `max_rows` is 1 to 100,000.

    Raises `DatabaseError` with the code `denied_database`, `database_not_configured`, `database_unreachable`,
    `database_login`, `database_unsafe`, `database_busy`, `database_timeout`, `database_refused` or `invalid_query`.
    """
    texts = [json.dumps(parameter, allow_nan=False) for parameter in parameters]
    rows = _host.current().query(_host.Query(database, sql, texts, max_rows))
    columns = [Column(name, kind) for name, kind in rows.columns]
    return Rows(columns, [json.loads(row) for row in rows.rows], rows.truncated)
