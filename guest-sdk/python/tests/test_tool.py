"""A function becomes a tool: its name, its description, its answers and its errors."""

from __future__ import annotations

import unittest
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from toolcell import Image, Output, Schema, ToolError, _tool, testing, tool


class Sum(TypedDict):
    sum: int


@dataclass
class Pair:
    left: float


@tool(title="Add", read_only=True)
def add(a: int, b: Annotated[int, Schema(minimum=0)] = 1) -> Sum:
    """Adds two numbers, which
    are integers.

    - never rounds

    Args:
        a: The first,
            of two.
        b (int): The second.

    Returns:
        Their sum.
    """
    return {"sum": a + b}


@tool
def shout(text: str) -> str:
    """Shouts.

    :param text: What to shout.
    :returns: It, louder.
    """
    return text.upper()


@tool(name="draw-it", output=Sum, destructive=False)
def draw() -> Output:
    """Draws."""
    return Output("drawn", Image(b"\1", "image/png"), structured={"sum": 1})


@tool
def fails(how: str) -> Sum:
    """Fails."""
    if how == "foreseen":
        raise ToolError("busy", "the queue is full", causes=["rush hour"], check_first="Wait.", retryable=True)
    if how == "infinite":
        return {"sum": float("inf")}  # type: ignore[typeddict-item]
    if how == "import":
        raise ModuleNotFoundError("No module named 'wave'")
    return {"sum": len(how) // 0}


def listed(name: str) -> _tool.Tool:
    return _tool.find(name)


class Listing(unittest.TestCase):
    def test_docstring_and_hints_become_what_a_client_reads(self) -> None:
        found = listed("add")
        self.assertEqual(found.description, "Adds two numbers, which are integers.\n\n- never rounds\n\nReturns: Their sum.")
        self.assertEqual((found.title, found.hints.read_only, found.hints.destructive), ("Add", True, None))
        properties = {
            "a": {"type": "integer", "description": "The first, of two."},
            "b": {"type": "integer", "minimum": 0, "default": 1, "description": "The second."},
        }
        schema = {"type": "object", "properties": properties, "required": ["a"], "additionalProperties": False}
        self.assertEqual(found.input_schema, schema)
        result = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
        self.assertEqual(found.output_schema, result)

    def test_text_has_no_schema_and_output_the_one_that_is_said(self) -> None:
        self.assertIsNone(listed("shout").output_schema)
        self.assertEqual(listed("shout").description, "Shouts.")
        self.assertEqual(listed("shout").input_schema["properties"]["text"]["description"], "What to shout.")
        self.assertEqual(listed("draw-it").output_schema, listed("add").output_schema)
        # Whoever says how much is lost says that something changes.
        self.assertEqual((listed("draw-it").hints.read_only, listed("draw-it").hints.destructive), (False, False))

    def test_mistakes_are_told_when_the_tool_is_defined(self) -> None:
        def undocumented(a: int) -> str:
            return ""

        def unhinted(a) -> str:  # type: ignore[no-untyped-def]
            """Has no hint."""
            return ""

        def unreturned(a: int):  # type: ignore[no-untyped-def]
            """Says not what it returns."""

        def listing() -> list[int]:
            """Returns a list."""
            return []

        def many(*a: int) -> str:
            """Takes many."""
            return ""

        def stale(a: int) -> str:
            """Was changed.

            Args:
                b: Is gone.
            """
            return ""

        async def later() -> str:
            """Waits."""
            return ""

        def taken() -> str:
            """Has the name of another."""
            return ""

        cases: list[tuple[Any, str, str]] = [
            (undocumented, "undocumented", "has no description"),
            (unhinted, "unhinted", "the parameter 'a' of the tool 'unhinted' has no type hint"),
            (unreturned, "unreturned", "does not say what it returns"),
            (listing, "listing", "must be a dataclass, a TypedDict or a dict"),
            (many, "many", "cannot be given by name"),
            (stale, "stale", "describes the parameter 'b', which it does not have"),
            (later, "later", "is an async function"),
            (taken, "add", "there are two tools of the name 'add'"),
        ]
        before = [found.name for found in testing.tools()]
        for function, name, message in cases:
            with self.subTest(name), self.assertRaisesRegex(TypeError, message):
                tool(name=name)(function)
        self.assertEqual([found.name for found in testing.tools()], before)


class Calling(unittest.TestCase):
    def error_of(self, name: str, arguments: dict[str, Any]) -> ToolError:
        with self.assertRaises(ToolError) as raised:
            testing.call(name, arguments)
        return raised.exception

    def test_a_tool_stays_a_function_and_answers_in_json(self) -> None:
        self.assertEqual(add(1), {"sum": 2})
        self.assertEqual(testing.call("add", {"a": 1, "b": 2}).structured, {"sum": 3})
        self.assertEqual(testing.call("shout", {"text": "hé"}), testing.Result(None, "HÉ"))
        self.assertEqual(testing.call("draw-it", {}), testing.Result({"sum": 1}, "drawn"))

    def test_an_error_keeps_what_the_tool_said(self) -> None:
        error = self.error_of("fails", {"how": "foreseen"})
        expected = ToolError("busy", "the queue is full", causes=["rush hour"], check_first="Wait.", retryable=True)
        self.assertEqual(error, expected)

    def test_any_other_exception_names_its_type_and_the_line(self) -> None:
        line = fails.__code__.co_firstlineno + 9
        error = self.error_of("fails", {"how": "x"})
        self.assertEqual(error.code, "crashed")
        self.assertRegex(error.message, rf"^`fails` crashed at test_tool\.py:{line}: ZeroDivisionError: ")
        self.assertTrue(error.causes and error.check_first)
        missing = self.error_of("fails", {"how": "import"})
        self.assertIn("an import within a function", missing.causes[0])

    def test_what_json_cannot_hold_is_an_error(self) -> None:
        self.assertEqual(self.error_of("fails", {"how": "infinite"}).code, "unwritable_result")

    def test_arguments_are_checked_and_tools_found(self) -> None:
        error = self.error_of("add", {"a": "x"})
        self.assertEqual(error.code, "invalid_arguments")
        self.assertEqual(error.message, "the arguments of `add` cannot be used at /a: expected an integer and got a string")
        self.assertIn("draw-it", self.error_of("nothing", {}).check_first or "")
