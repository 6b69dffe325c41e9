"""How a type looks in JSON: its schema, and the reading and writing of its values. Here are the types that have no parts."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import math
from collections.abc import Callable, Mapping, Set
from typing import Any

JSON = Any


class Mismatch(ValueError):
    """A value from JSON that is not of its type, with a JSON pointer to it."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer

    def within(self, member: str | int) -> Mismatch:
        escaped = str(member).replace("~", "~0").replace("/", "~1")
        return Mismatch(self.message, f"/{escaped}{self.pointer}")


@dataclasses.dataclass
class Form:
    """A type: its schema in arguments, its schema in results, and the reading of its values."""

    arguments: dict[str, JSON]
    results: dict[str, JSON]
    read: Callable[[JSON], Any]
    is_optional: bool = False

    def with_keywords(self, keywords: Mapping[str, JSON]) -> Form:
        return dataclasses.replace(
            self, arguments={**self.arguments, **keywords}, results={**self.results, **keywords}
        )


def to_plain(value: Any) -> JSON:
    """A value that JSON has, for one that it has not. Raises `TypeError` where there is none."""
    # The usual ones first: to ask an abstract class costs a fresh instance some tenths of a millisecond.
    if value is None or isinstance(value, (bool, int, float, str)) and not isinstance(value, enum.Enum):
        return value
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return to_plain(value.value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, (dict, Mapping)):
        return {key.value if isinstance(key, enum.Enum) else key: to_plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        # The order of a set says nothing and changes from build to build.
        return sorted((to_plain(item) for item in value), key=repr)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def _scalar(kind: str, expected: str, accept: Callable[[JSON], Any]) -> Form:
    def read(value: JSON) -> Any:
        accepted = accept(value)
        if accepted is None:
            raise Mismatch(f"expected {expected} and got {shown(value)}")
        return accepted

    return Form({"type": kind}, {"type": kind}, read)


def _integer(value: JSON) -> int | None:
    # To JSON Schema 3.0 is an integer.
    is_whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
    return int(value) if is_whole or (isinstance(value, int) and not isinstance(value, bool)) else None


def _number(value: JSON) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    except OverflowError:
        return None


def _bytes(value: JSON) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except binascii.Error:
        return None


def _null(value: JSON) -> None:
    if value is not None:
        raise Mismatch(f"expected null and got {shown(value)}")


SCALARS: dict[Any, Form] = {
    bool: _scalar("boolean", "true or false", lambda value: value if isinstance(value, bool) else None),
    int: _scalar("integer", "an integer", _integer),
    float: _scalar("number", "a number", _number),
    str: _scalar("string", "a string", lambda value: value if isinstance(value, str) else None),
    bytes: _scalar("string", "bytes in base64", _bytes).with_keywords({"contentEncoding": "base64"}),
    None: Form({"type": "null"}, {"type": "null"}, _null, True),
    type(None): Form({"type": "null"}, {"type": "null"}, _null, True),
}


def shown(value: JSON) -> str:
    for kind, name in ((bool, "a boolean"), (dict, "an object"), (list, "a list"), (str, "a string")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "a number"
