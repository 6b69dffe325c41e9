"""Python types as JSON: the schema of each, spelled as the Rust SDK spells it, and how a value is read from JSON.

Schemas have the form that MCP clients take: 2020-12, no `$schema`, no references.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Annotated, Any, Literal, Union

from . import _docstring
from ._form import JSON, SCALARS, Form, Mismatch, shown, to_plain

NO_DEFAULT: Any = object()
"""Of a member that has to be there, unless `null` is one of its values."""


class Schema:
    """Keywords of JSON Schema for a type, in `Annotated`: `Annotated[int, Schema(minimum=1, maximum=50)]`."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords


@dataclasses.dataclass
class Member:
    """A member of an object. One with a default may be left out of arguments."""

    form: Form
    description: str = ""
    default: Any = NO_DEFAULT
    is_required: bool = True


def form_of(annotation: Any, inside: tuple[Any, ...] = ()) -> Form:
    """The form of a type. `inside` are the classes around it.

    Raises `TypeError` for a type that has none.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _annotated(form_of(arguments[0], inside), arguments[1:])
    if annotation in SCALARS:
        return SCALARS[annotation]
    if annotation is Any or annotation is object:
        return Form({}, {}, lambda value: value)
    if origin is Literal:
        return _choice(list(arguments), {value: value for value in arguments}, "Literal")
    if origin is Union or origin is types.UnionType:
        return _union(arguments, inside)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _choice([member.value for member in annotation], {member.value: member for member in annotation}, annotation)
    if dataclasses.is_dataclass(annotation) or typing.is_typeddict(annotation):
        return _class(annotation, inside)
    # `NewType("Id", int)` and `type Id = int`.
    for meant in ("__supertype__", "__value__"):
        if hasattr(annotation, meant):
            return form_of(getattr(annotation, meant), inside)
    return _container(annotation, origin or annotation, arguments, inside)


def object_of(members: Mapping[str, Member]) -> Form:
    """The form of an object with these members, which is read as a dict without those that were left out."""
    arguments: dict[str, JSON] = {"type": "object", "properties": {}}
    results: dict[str, JSON] = {"type": "object", "properties": {}}
    required, always = [], []
    for name, member in members.items():
        described = {"description": member.description} if member.description else {}
        argument = {**member.form.arguments, **described}
        if member.default is NO_DEFAULT and member.is_required:
            if not member.form.is_optional:
                required.append(name)
        elif member.default is not NO_DEFAULT and member.default is not None:
            argument["default"] = to_plain(member.default)
        arguments["properties"][name] = argument
        results["properties"][name] = {**member.form.results, **described}
        if member.is_required:
            always.append(name)
    if required:
        arguments["required"] = required
    if always:
        results["required"] = always

    def read(value: JSON) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Mismatch(f"expected an object and got {shown(value)}")
        known = {}
        for name, member in members.items():
            if name in value:
                try:
                    known[name] = member.form.read(value[name])
                except Mismatch as error:
                    raise error.within(name) from None
            elif member.default is NO_DEFAULT and member.is_required:
                if not member.form.is_optional:
                    raise Mismatch(f"the member {name!r} is missing")
                known[name] = None
        return known

    return Form(arguments, results, read)


def _annotated(form: Form, notes: Sequence[Any]) -> Form:
    for note in notes:
        if isinstance(note, Schema):
            form = form.with_keywords(note.keywords)
        elif isinstance(note, str):
            form = form.with_keywords({"description": _docstring.joined(note.strip().splitlines())})
    return form


def _choice(values: list[Any], meaning: dict[Any, Any], whose: Any) -> Form:
    kinds = {str: "string", int: "integer"}
    kind = kinds.get(type(values[0])) if values and len({type(value) for value in values}) == 1 else None
    if kind is None:
        raise TypeError(f"{_name(whose)} has to consist of strings only, or of integers only")
    schema = {"type": kind, "enum": values}

    def read(value: JSON) -> Any:
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value in meaning:
            return meaning[value]
        raise Mismatch(f"expected one of {', '.join(map(repr, values))} and got {shown(value)}")

    return Form(schema, schema, read)


def _union(parts: Sequence[Any], inside: tuple[Any, ...]) -> Form:
    some = [form_of(part, inside) for part in parts if part is not type(None)]
    is_optional = len(some) < len(parts)
    if len(some) == 1:
        form = some[0]
    else:
        # The author's order: `int | str` reads 1 as an integer.
        def read_any(value: JSON) -> Any:
            for part in some:
                try:
                    return part.read(value)
                except Mismatch:
                    pass
            raise Mismatch(f"{shown(value)} is none of the types that are allowed here")

        form = Form({"anyOf": [f.arguments for f in some]}, {"anyOf": [f.results for f in some]}, read_any)
    if not is_optional:
        return form
    read = form.read
    return Form(
        _or_null(form.arguments),
        _or_null(form.results),
        lambda value: None if value is None else read(value),
        True,
    )


def _or_null(schema: dict[str, JSON]) -> dict[str, JSON]:
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "type" not in schema:
        return schema
    nullable = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def _class(cls: Any, inside: tuple[Any, ...]) -> Form:
    if cls in inside:
        raise TypeError(f"{_name(cls)} contains itself, and clients take no schema that refers to itself")
    hints = typing.get_type_hints(cls, include_extras=True)
    written = cls.__doc__ if "__doc__" in cls.__dict__ else None
    # A dataclass without a docstring gets its signature for one.
    generated = written is not None and written.startswith(f"{cls.__name__}(")
    description, texts = _docstring.parse(None if generated else written)
    members = {}
    if dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            if field.init:
                default = NO_DEFAULT if field.default is dataclasses.MISSING else field.default
                if field.default_factory is not dataclasses.MISSING:
                    default = field.default_factory()
                form = form_of(hints[field.name], (*inside, cls))
                members[field.name] = Member(form, texts.get(field.name, ""), default)
    else:
        for name, hint in hints.items():
            hint, is_required = _qualified(hint, name in cls.__required_keys__)
            members[name] = Member(form_of(hint, (*inside, cls)), texts.get(name, ""), is_required=is_required)
    form = object_of(members)
    if dataclasses.is_dataclass(cls):
        read = form.read
        make = typing.cast(Callable[..., Any], cls)

        def read_class(value: JSON) -> Any:
            known = read(value)
            try:
                return make(**known)
            except (TypeError, ValueError) as error:
                # What `__post_init__` refuses.
                raise Mismatch(str(error)) from error

        form = dataclasses.replace(form, read=read_class)
    return form.with_keywords({"description": description}) if description else form


def _qualified(hint: Any, is_required: bool) -> tuple[Any, bool]:
    """The type within `Required`, `NotRequired` and `ReadOnly`, and whether the member has to be there."""
    # Before Python 3.11 they come from typing_extensions.
    for module in (typing, sys.modules.get("typing_extensions")):
        while (origin := typing.get_origin(hint)) is not None and origin in (
            getattr(module, "Required", None),
            getattr(module, "NotRequired", None),
            getattr(module, "ReadOnly", None),
        ):
            # Written here it counts also where annotations are strings, of which the class itself makes nothing.
            if origin is not getattr(module, "ReadOnly", None):
                is_required = origin is getattr(module, "Required", None)
            hint = typing.get_args(hint)[0]
    return hint, is_required


def _container(annotation: Any, origin: Any, arguments: Sequence[Any], inside: tuple[Any, ...]) -> Form:
    if not isinstance(origin, type) or not issubclass(origin, (list, tuple, set, frozenset, Sequence, Set, Mapping)):
        raise TypeError(
            f"{_name(annotation)} has no JSON form; use bool, int, float, str, bytes, list, tuple, set, dict, Literal, an Enum, a "
            "dataclass or a TypedDict"
        )
    if issubclass(origin, (tuple,)) and not (len(arguments) == 2 and arguments[1] is ...):
        return _tuple([form_of(part, inside) for part in arguments])
    if issubclass(origin, (dict, Mapping)):
        key, value = arguments if arguments else (str, Any)
        if key is not str:
            raise TypeError(f"{_name(annotation)} needs keys of type str: JSON has no others")
        values = form_of(value, inside)
        return Form(
            {"type": "object", "additionalProperties": values.arguments},
            {"type": "object", "additionalProperties": values.results},
            lambda value: {key: _member(key, values, item) for key, item in _expect(dict, value, "an object").items()},
        )
    items = form_of(arguments[0] if arguments else Any, inside)
    collect: Callable[..., Any] = tuple if issubclass(origin, tuple) else list
    keywords: dict[str, JSON] = {}
    if issubclass(origin, Set):
        collect, keywords = (frozenset if origin is frozenset else set), {"uniqueItems": True}
    return Form(
        {"type": "array", **keywords, "items": items.arguments},
        {"type": "array", **keywords, "items": items.results},
        lambda value: collect(_member(at, items, item) for at, item in enumerate(_expect(list, value, "a list"))),
    )


def _tuple(parts: list[Form]) -> Form:
    def read(value: JSON) -> tuple[Any, ...]:
        if len(_expect(list, value, "a list")) != len(parts):
            raise Mismatch(f"expected a list of {len(parts)} and got one of {len(value)}")
        return tuple(_member(at, part, item) for at, (part, item) in enumerate(zip(parts, value)))

    length = {"minItems": len(parts), "maxItems": len(parts)}
    return Form(
        {"type": "array", "prefixItems": [part.arguments for part in parts], **length},
        {"type": "array", "prefixItems": [part.results for part in parts], **length},
        read,
    )


def _expect(kind: type, value: JSON, expected: str) -> Any:
    if not isinstance(value, kind):
        raise Mismatch(f"expected {expected} and got {shown(value)}")
    return value


def _member(at: str | int, form: Form, value: JSON) -> Any:
    try:
        return form.read(value)
    except Mismatch as error:
        raise error.within(at) from None


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
