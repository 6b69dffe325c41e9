"""A tool: a function with a name, and what a client should know about it."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from . import _docstring, _types, _unforeseen
from ._error import ToolError
from ._form import Form, Mismatch
from ._output import Output, Text, to_json

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Hints:
    """What a tool does to its surroundings. The host derives what is `None` from what the plugin was granted."""

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None


@dataclass(frozen=True)
class Tool:
    """What the host is told about a tool when it loads the plugin."""

    name: str
    title: str | None
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    hints: Hints
    _read: Callable[[Any], dict[str, Any]]
    _function: Callable[..., Any]

    def call(self, arguments: str) -> Output:
        """Runs the tool with arguments as the JSON text of an object. All that goes wrong is raised as `ToolError`."""
        try:
            return _output(self._function(**self._read(json.loads(arguments))))
        except ToolError:
            raise
        except Mismatch as error:
            raise _invalid_arguments(self.name, error) from error
        except Exception as error:
            raise _unforeseen.as_tool_error(self.name, error) from error


_tools: dict[str, Tool] = {}


def tools() -> list[Tool]:
    """The tools that were defined so far, in their order."""
    return list(_tools.values())


def find(name: str) -> Tool:
    """The tool of that name. Raises `unknown_tool`."""
    if name not in _tools:
        raise ToolError(
            "unknown_tool",
            f"there is no tool `{name}` in this plugin",
            check_first=f"Use one of: {', '.join(_tools)}.",
        )
    return _tools[name]


@overload
def tool(function: Function, /) -> Function: ...


@overload
def tool(
    *,
    name: str | None = None,
    title: str | None = None,
    description: str | None = None,
    output: Any = None,
    read_only: bool | None = None,
    destructive: bool | None = None,
    idempotent: bool | None = None,
    open_world: bool | None = None,
) -> Callable[[Function], Function]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    title: str | None = None,
    description: str | None = None,
    output: Any = None,
    read_only: bool | None = None,
    destructive: bool | None = None,
    idempotent: bool | None = None,
    open_world: bool | None = None,
) -> Any:
    """Makes a tool of a function, which stays a function that tests can call.

    The type hints of its parameters become the schema of the arguments, its return type that of the result: a dataclass, a
    TypedDict or a dict with keys of type str. One that returns `str` or `Output` has no schema for its result. The docstring is
    the description, its section `Args:` has those of the arguments. A model reads them, so they say what is read or written
    and where, the limits, when to use the tool, what comes back and how it fails.

    Args:
        name: 1 to 48 of `A-Z a-z 0-9 _ -`, unique among all plugins that a host serves; that of the function unless said.
        title: A short name for people.
        description: In place of the docstring's.
        output: The type of the structured part of a tool that returns `Output`.
        read_only: The tool changes nothing.
        destructive: What the tool changes may be lost. Saying either also says that it changes something.
        idempotent: Calling again with the same arguments changes nothing more.
        open_world: The tool talks to systems outside the host.

    Raises `TypeError` where the function cannot be a tool, which is when the plugin is built.
    """

    def define(function: Callable[..., Any]) -> Callable[..., Any]:
        own_name = name or function.__name__
        known = _tools.get(own_name)
        # The same function again is a module that was loaded again.
        if known and known._function.__qualname__ != function.__qualname__:
            raise TypeError(f"there are two tools of the name {own_name!r}; give one another name")
        changes = False if read_only is None and destructive is not None else read_only
        hints = Hints(changes, destructive, idempotent, open_world)
        _tools[own_name] = _of_function(function, own_name, title, description, output, hints)
        return function

    return define if function is None else define(function)


def _of_function(
    function: Callable[..., Any], name: str, title: str | None, description: str | None, output: Any, hints: Hints
) -> Tool:
    whose = f"the tool {name!r}"
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"{whose} is an async function, and a call runs to its end: write `def`")
    documented, texts = _docstring.parse(function.__doc__)
    described = description or documented
    if not described:
        raise TypeError(f"{whose} has no description: write a docstring, or say description=")
    annotations = typing.get_type_hints(function, include_extras=True)
    members = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"the parameter {parameter.name!r} of {whose} cannot be given by name")
        if parameter.name not in annotations:
            raise TypeError(f"the parameter {parameter.name!r} of {whose} has no type hint")
        members[parameter.name] = _types.Member(
            _form(annotations[parameter.name], f"the parameter {parameter.name!r} of {whose}"),
            texts.get(parameter.name, ""),
            _types.NO_DEFAULT if parameter.default is parameter.empty else parameter.default,
        )
    for unknown in texts.keys() - members.keys():
        raise TypeError(f"the docstring of {whose} describes the parameter {unknown!r}, which it does not have")
    form = _types.object_of(members)
    arguments = {**form.arguments, "additionalProperties": False}
    result = _result(annotations.get("return", inspect.Signature.empty), output, whose)
    return Tool(name, title, described, arguments, result, hints, form.read, function)


def _result(returned: Any, output: Any, whose: str) -> dict[str, Any] | None:
    if returned is inspect.Signature.empty:
        raise TypeError(f"{whose} does not say what it returns: add `-> ...`")
    if returned is Output:
        returned = output
        if output is None:
            return None
    elif returned is str or returned is Text:
        return None
    schema = _form(returned, f"the result of {whose}").results
    if schema.get("type") != "object":
        raise TypeError(
            f"the result of {whose} must be a dataclass, a TypedDict or a dict: clients take an object only (or return `str` "
            "or `Output`)"
        )
    return schema


def _form(annotation: Any, whose: str) -> Form:
    try:
        return _types.form_of(annotation)
    except TypeError as error:
        raise TypeError(f"{whose}: {error}") from None


def _output(returned: Any) -> Output:
    if isinstance(returned, Output):
        return returned
    if isinstance(returned, (str, Text)):
        return Output(returned)
    output = Output()
    output.structured = to_json(returned)
    return output


def _invalid_arguments(name: str, error: Mismatch) -> ToolError:
    """The host has checked the arguments against the schema, so that only what a type asks beyond its schema comes here."""
    at = f" at {error.pointer}" if error.pointer else ""
    return ToolError(
        "invalid_arguments",
        f"the arguments of `{name}` cannot be used{at}: {error.message}",
        causes=["a value that the schema allows and the tool does not"],
        check_first="Compare the arguments with the tool's input schema and description.",
    )
