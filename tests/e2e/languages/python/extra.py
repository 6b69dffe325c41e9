"""What a component made of Python has to be able to do, beside the template's own tool."""

import datetime
import enum
import random
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypedDict

from toolcell import (
    Audio,
    Embedded,
    Image,
    Link,
    Other,
    Output,
    Schema,
    ToolError,
    cache,
    env,
    http,
    log,
    postgres,
    progress,
    tool,
)

URL = "https://api.example.com"


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Place(TypedDict):
    x: Annotated[float, "Metres to the east.", Schema(minimum=0)]
    y: Annotated[float, "Metres to the north.", Schema(minimum=0)]


@dataclass
class Shapes:
    size: Size
    kind: Literal["a", "b"]
    places: list[Place]
    pair: tuple[int, str]
    raw: bytes
    note: str | None
    counts: dict[str, int] = field(default_factory=dict)


@tool(read_only=True)
def shapes(
    size: Annotated[Size, "How large."],
    kind: Annotated[Literal["a", "b"], "Which of two."],
    places: Annotated[list[Place], "Where, at most as many as fit."],
    pair: Annotated[tuple[int, str], "A number and its name."],
    raw: Annotated[bytes, "Any bytes."],
    limit: Annotated[int, "How many places to return.", Schema(minimum=1, maximum=50)] = 10,
    note: Annotated[str | None, "A remark."] = None,
) -> Shapes:
    """Returns its arguments. Use it to see that they arrive. Reads nothing but its arguments, and fails never."""
    assert isinstance(size, Size) and isinstance(raw, bytes) and isinstance(pair, tuple)
    return Shapes(size, kind, places[:limit], pair, raw, note, {"places": len(places)})


@dataclass
class Reached:
    first: int
    second: str
    token: int
    age: float | None
    day: str


@tool(read_only=True)
def reach(name: str) -> Reached:
    """Asks the server api.example.com twice. Use it to see that requests arrive. Returns at most two answers, and fails with
    `upstream_not_found` when there is no such name.

    Args:
        name: What to ask for, for example `Ada`.
    """
    progress.report(0, 2, "asking")
    first = http.get(f"{URL}/count", query={"name": name}, headers={"accept": "application/json"}, timeout=5)
    count = cache.get_or_fetch(f"count/{name}", 60, lambda: first.raise_for_status().json()["count"])
    progress.report(1, 2)
    asked = urllib.request.Request(f"{URL}/text", data=b"name", headers={"X-Name": name}, method="POST")
    with urllib.request.urlopen(asked, timeout=5) as answer:
        second = answer.read().decode() + f" ({answer.status}, {answer.headers['x-a']})"
    log.info(f"asked for {name}")
    # The standard library imports a module for this when it is first called.
    day = datetime.datetime.strptime("2026-01-02", "%Y-%m-%d").strftime("%A")
    return Reached(count.value, second, len(env.var("TOKEN")), cache.get(f"count/{name}").age, day)


class Status(TypedDict):
    status: int


@tool(read_only=True)
def status(path: Annotated[str, "The page, for example `/a`.", Schema(pattern="^/[a-z]*$")]) -> Status:
    """Asks the server api.example.com for a page. Use it to see what `urllib` raises. Returns at most one status, and fails
    when the server does not answer."""
    try:
        urllib.request.urlopen(URL + path, timeout=5)
    except urllib.error.HTTPError as error:
        return {"status": error.code}
    return {"status": 200}


@dataclass
class User:
    id: int
    name: str


@dataclass
class Users:
    users: list[User]


@tool(read_only=True)
def users(country: Annotated[str, "Two letters, for example `NZ`."]) -> Users:
    """Reads the users of a country from the database replica. Use it to see that rows arrive. Returns at most 50, and fails with
    `no_users` when the database has no such table."""
    try:
        rows = postgres.query("replica", "SELECT id, name FROM users WHERE country = $1", country, max_rows=50)
    except postgres.DatabaseError as error:
        if error.refusal and error.refusal.sqlstate == "42P01":
            raise ToolError(
                "no_users", "there are no users", causes=["another database"], check_first="Ask for another."
            ) from error
        raise
    return Users([User(**row) for row in rows.dicts()])


class Count(TypedDict):
    parts: int


@tool(read_only=True, output=Count)
def parts() -> Output:
    """Returns a part of each kind. Use it to see that they arrive. Reads nothing, returns only that, and fails never."""
    content = [
        Image(b"\0\1", "image/png"),
        Audio(b"\2", "audio/wav"),
        Link("https://example.com/a", "a", description="A page.", mime_type="text/html"),
        Embedded("note:1", "a note", "text/plain"),
        Embedded("note:2", b"\3"),
        Other({"type": "text", "text": "other"}),
    ]
    return Output("text", *content, structured={"parts": 1 + len(content)})


class Fifth(TypedDict):
    fifth: int


@tool(read_only=True)
def fifth(numbers: Annotated[list[int], "What to take the fifth of."]) -> Fifth:
    """Takes the fifth number. Use it to see what becomes of a bug. Reads nothing but its arguments, returns one number, and
    fails when there are only four."""
    return {"fifth": numbers[4]}


class Draw(TypedDict):
    number: float


@tool(read_only=True)
def draw() -> Draw:
    """Draws a number from 0 to 1. Use it to see that calls draw others. Reads nothing, returns only that number, and fails
    never."""
    return {"number": random.random()}
