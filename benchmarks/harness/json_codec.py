"""Dataclasses to JSON and back: what doesn't fit is named in one line.

A field made by `absent` may be missing from the JSON, and is left out of it where
it is None; every other key must be there, and no further one may be.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_NAMES = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


class ShapeError(ValueError):
    """JSON hasn't the shape of the dataclass that it is read as; the text says where."""


def absent() -> Any:
    """A dataclass field whose key may be missing: None then."""
    return field(default=None, metadata={"absent": True})


def to_json(value: Any) -> Any:
    """A dataclass as plain dicts, lists and numbers, its keys in the order of its fields.

    Args:
        value: A dataclass; or what one may hold, for the recursion.
    """
    if is_dataclass(value) and not isinstance(value, type):
        found = ((one, getattr(value, one.name)) for one in fields(value))
        return {
            one.name: to_json(part)
            for one, part in found
            if part is not None or not _may_be_absent(one)
        }
    if isinstance(value, Mapping):
        return {key: to_json(part) for key, part in value.items()}
    return [to_json(part) for part in value] if isinstance(value, (list, tuple)) else value


def from_json(cls: type[T], data: Any, where: str = "") -> T:
    """Reads what `to_json` made.

    Args:
        cls: The dataclass.
        data: Parsed JSON.
        where: Path of the data in the file, such as `rows[0].`, for messages.

    Raises:
        ShapeError: A key is missing or unknown, or a value is of another type.
    """
    if not isinstance(data, dict):
        raise ShapeError(f"{where.rstrip('.') or 'it'} must be an object, not {_name(data)}")
    hints, known = _shape(typing.cast(type, cls))
    for key in data:
        if key not in known:
            raise ShapeError(f"unknown key {where}{key}")
    values = {}
    for key, one in known.items():
        if key in data:
            may_be_null = _may_be_absent(one)
            values[key] = (
                None
                if data[key] is None and may_be_null
                else _value(hints[key], data[key], f"{where}{key}")
            )
        elif one.default is MISSING and one.default_factory is MISSING:
            raise ShapeError(f"lacks the key {where}{key}")
    return cls(**values)


def _may_be_absent(one: Field[Any]) -> bool:
    return bool(one.metadata.get("absent"))


@cache
def _shape(cls: type) -> tuple[dict[str, Any], dict[str, Field[Any]]]:
    """Types and fields by key."""
    return typing.get_type_hints(cls), {one.name: one for one in fields(cls)}


def _value(hint: Any, data: Any, where: str) -> Any:
    """One value of a type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(inner, data, where)
    if origin is list:
        if not isinstance(data, list):
            raise ShapeError(f"{where} must be a list, not {_name(data)}")
        return [_value(inner[0], part, f"{where}[{i}]") for i, part in enumerate(data)]
    if origin is tuple:
        if not isinstance(data, list) or len(data) != len(inner):
            raise ShapeError(f"{where} must be a list of {len(inner)}")
        return tuple(
            _value(kind, part, f"{where}[{i}]")
            for i, (kind, part) in enumerate(zip(inner, data, strict=True))
        )
    if origin is dict:
        if not isinstance(data, dict):
            raise ShapeError(f"{where} must be an object, not {_name(data)}")
        return {key: _value(inner[1], part, f"{where}.{key}") for key, part in data.items()}
    if hint is object:
        return data
    if is_dataclass(hint):
        return from_json(typing.cast("type[Any]", hint), data, f"{where}.")
    is_bool = isinstance(data, bool)
    if hint is float and isinstance(data, int) and not is_bool:
        return data  # 1 stays 1 when it is written again
    if not isinstance(data, hint) or (is_bool and hint is not bool):
        raise ShapeError(f"{where} must be {_NAMES[hint]}, not {_name(data)}")
    return data


def _one_of(hints: tuple[Any, ...], data: Any, where: str) -> Any:
    """A value of one of several types: of dataclasses the one whose keys are nearest."""
    if data is None and type(None) in hints:
        return None
    rest = [hint for hint in hints if hint is not type(None)]
    if len(rest) > 1 and isinstance(data, dict) and all(is_dataclass(hint) for hint in rest):
        rest = [min(rest, key=lambda hint: _distance(hint, data))]
    if len(rest) > 1:
        rest = [hint for hint in rest if type(data) is hint] or rest
    return _value(rest[0], data, where)


def _distance(cls: type, data: dict[str, Any]) -> int:
    """Keys that the one has and the other lacks."""
    needed = {key for key, one in _shape(cls)[1].items() if one.default is MISSING}
    return len(needed - data.keys()) + len(data.keys() - _shape(cls)[1].keys())


def _name(data: Any) -> str:
    return _NAMES.get(type(data), type(data).__name__)
