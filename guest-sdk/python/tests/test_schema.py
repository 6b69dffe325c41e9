"""Schemas are those that the Rust SDK makes of the same types, and values are read by them."""

from __future__ import annotations

import enum
import unittest
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict, Union

from toolcell import Schema, _form, _types

Id = NewType("Id", int)


class Order(enum.Enum):
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass
class Nested:
    id: int


@dataclass
class Listing:
    """Lists things.

    Attributes:
        limit: How many.
    """

    order: Order
    nested: list[Nested]
    ratio: float | None
    limit: Annotated[int, Schema(minimum=1, maximum=50)] = 10
    tags: list[str] = field(default_factory=list)


class Point(TypedDict, total=False):
    x: float


@dataclass
class Tree:
    children: list[Tree]


@dataclass
class Refusing:
    even: int

    def __post_init__(self) -> None:
        if self.even % 2:
            raise ValueError("it is odd")


class Schemas(unittest.TestCase):
    def check(self, annotation: Any, schema: dict[str, Any]) -> None:
        form = _types.form_of(annotation)
        self.assertEqual((form.arguments, form.results), (schema, schema))

    def test_scalars_and_containers(self) -> None:
        cases: list[tuple[Any, dict[str, Any]]] = [
            (int, {"type": "integer"}),
            (float, {"type": "number"}),
            (bool, {"type": "boolean"}),
            (str, {"type": "string"}),
            (bytes, {"type": "string", "contentEncoding": "base64"}),
            (Id, {"type": "integer"}),
            (Any, {}),
            (Order, {"type": "string", "enum": ["newest", "oldest"]}),
            (Literal[1, 2], {"type": "integer", "enum": [1, 2]}),
            (list[int], {"type": "array", "items": {"type": "integer"}}),
            (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
            (set[str], {"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
            (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
            (
                tuple[int, str],
                {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
            ),
            (Optional[int], {"type": ["integer", "null"]}),
            (Optional[Order], {"type": ["string", "null"], "enum": ["newest", "oldest", None]}),
            (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
            (Union[int, str, None], {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
            (Point, {"type": "object", "properties": {"x": {"type": "number"}}}),
            (Annotated[str, "A day.", Schema(format="date")], {"type": "string", "description": "A day.", "format": "date"}),
        ]
        for annotation, schema in cases:
            with self.subTest(annotation):
                self.check(annotation, schema)

    def test_arguments_may_leave_out_what_results_always_have(self) -> None:
        form = _types.form_of(Listing)
        self.assertEqual(form.arguments["required"], ["order", "nested"])
        self.assertEqual(form.results["required"], ["order", "nested", "ratio", "limit", "tags"])
        self.assertEqual(form.arguments["description"], "Lists things.")
        limit = {"type": "integer", "minimum": 1, "maximum": 50, "description": "How many."}
        self.assertEqual(form.arguments["properties"]["limit"], {**limit, "default": 10})
        self.assertEqual(form.results["properties"]["limit"], limit)
        self.assertEqual(form.arguments["properties"]["tags"]["default"], [])

    def test_what_has_no_json_form_is_told_when_the_tool_is_defined(self) -> None:
        cases = [
            (complex, "complex has no JSON form"),
            (dict[int, str], "needs keys of type str"),
            (Tree, "Tree contains itself"),
            (Literal["a", 1], "strings only, or of integers only"),
        ]
        for annotation, message in cases:
            with self.subTest(annotation), self.assertRaisesRegex(TypeError, message):
                _types.form_of(annotation)


class Reading(unittest.TestCase):
    def test_values_become_what_the_types_say(self) -> None:
        given = {"order": "newest", "nested": [{"id": 1, "unknown": 2}], "limit": 3.0}
        read = _types.form_of(Listing).read(given)
        self.assertEqual(read, Listing(Order.NEWEST, [Nested(1)], None, 3, []))
        self.assertIsInstance(read.limit, int)
        cases: list[tuple[Any, Any, Any]] = [
            (bytes, "AAEC", b"\0\1\2"),
            (float, 1, 1.0),
            (tuple[int, str], [1, "a"], (1, "a")),
            (tuple[int, ...], [1, 2], (1, 2)),
            (set[str], ["a", "b"], {"a", "b"}),
            (Union[int, str], "a", "a"),
            (Optional[int], None, None),
            (Point, {}, {}),
            (Id, 7, 7),
        ]
        for annotation, value, expected in cases:
            with self.subTest(annotation):
                self.assertEqual(_types.form_of(annotation).read(value), expected)

    def test_what_is_of_another_type_is_told_with_its_pointer(self) -> None:
        cases: list[tuple[Any, Any, str, str]] = [
            (int, True, "", "expected an integer and got a boolean"),
            (int, 1.5, "", "expected an integer and got a number"),
            (float, "1", "", "expected a number and got a string"),
            (float, 10**400, "", "expected a number and got a number"),
            (bytes, "%", "", "expected bytes in base64 and got a string"),
            (Order, "best", "", "expected one of 'newest', 'oldest' and got a string"),
            (Listing, {"nested": []}, "", "the member 'order' is missing"),
            (Listing, {"order": "newest", "nested": [{"id": "x"}]}, "/nested/0/id", "expected an integer and got a string"),
            (dict[str, int], {"a/b": None}, "/a~1b", "expected an integer and got null"),
            (tuple[int, str], [1], "", "expected a list of 2 and got one of 1"),
            (Union[int, str], [], "", "a list is none of the types that are allowed here"),
            (Refusing, {"even": 3}, "", "it is odd"),
        ]
        for annotation, value, pointer, message in cases:
            with self.subTest(annotation), self.assertRaises(_form.Mismatch) as raised:
                _types.form_of(annotation).read(value)
            self.assertEqual((raised.exception.pointer, raised.exception.message), (pointer, message))

    def test_values_that_json_lacks_are_written_in_its_terms(self) -> None:
        listing = Listing(Order.OLDEST, [Nested(1)], 0.5)
        plain = {"order": "oldest", "nested": [{"id": 1}], "ratio": 0.5, "limit": 10, "tags": []}
        self.assertEqual(_form.to_plain(listing), plain)
        self.assertEqual(_form.to_plain({"raw": b"\0\1\2", "set": {"b", "a"}}), {"raw": "AAEC", "set": ["a", "b"]})
        with self.assertRaisesRegex(TypeError, "a value of type complex has no JSON form"):
            _form.to_plain([1j])
