"""Options from a YAML file, as strict as those of a command line."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.errors import UserError
from runtime.support.files.strict_yaml import parse_yaml, read_text
from runtime.support.redaction import remember


def read_yaml(
    path: Path, fields: dict[str, dataclasses.Field[Any]], hints: dict[str, Any]
) -> dict[str, Any]:
    """Reads options from a file.

    Args:
        path: The file.
        fields: The options by their names.
        hints: Their types.

    Returns:
        Values of the options that it names.

    Raises:
        UserError: It can't be read, holds an unknown name, or a value of a wrong type.
    """
    import yaml

    try:
        data = parse_yaml(read_text(path))
    except OSError as error:
        raise UserError(f"--config {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"--config {path}: not text in UTF-8") from error
    except yaml.YAMLError as error:
        # The parser's own message quotes the line, which may hold a password.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it can't be read"
        # So does what it says of a tag or an alias.
        problem = re.sub(r"'[^'<]{3,}'", "***", problem)
        raise UserError(f"--config {path}: not YAML{where} ({problem})") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UserError(f"--config {path}: must hold `option: value` lines")
    remember(texts_in(data))
    values = {}
    for key, value in data.items():
        if key not in fields:
            shown = repr(key) if isinstance(key, str) else f"of type {type(key).__name__}"
            raise UserError(f"--config {path}: unknown option {shown}")
        where, read = f"--config {path}: {key}", fields[key].metadata.get("read")
        values[key] = (
            _convert(value, hints[key], fields[key], where) if read is None else read(value, where)
        )
    return values


def _convert(value: Any, hint: Any, field: dataclasses.Field[Any], where: str) -> Any:
    kind, many, optional = unwrap(hint)
    if value is None and optional:
        return None
    if field.metadata.get("bare") and isinstance(value, bool):
        return [] if value else None
    items = value if many and isinstance(value, list) else [value]
    results = [scalar(item, kind, where) for item in items]
    choices = field.metadata.get("choices")
    for result in results:
        if choices and result not in choices:
            raise UserError(
                f"{where} must be one of {', '.join(map(str, choices))}, not {result!r}"
            )
    return results if many else results[0]


def texts_in(value: Any, depth: int = 4) -> list[str]:
    """The texts of an option's value, which is one or holds them.

    Args:
        value: Of any type.
        depth: How deep they are looked for.

    Returns:
        Each once: YAML can hold what contains itself, and one value in many places.
    """
    texts: dict[str, None] = {}
    seen: set[tuple[int, int]] = set()

    def look(value: Any, depth: int) -> None:
        if isinstance(value, str):
            texts[value] = None
        elif isinstance(value, (Mapping, list, tuple)) and depth and (id(value), depth) not in seen:
            seen.add((id(value), depth))
            for item in value.values() if isinstance(value, Mapping) else value:
                look(item, depth - 1)

    look(value, depth)
    return list(texts)


def scalar(value: Any, kind: Any, where: str) -> Any:
    """YAML's own types, with whole numbers and text taken for floats (`1e-4`).

    Args:
        value: As YAML gives it.
        kind: The type that it must have.
        where: Its place, for errors.

    Raises:
        UserError: It has another type.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is str and is_number:
        return str(value)
    if kind is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise UserError(f"{where} must be of type {kind.__name__}, not {type(value).__name__}")


def unwrap(hint: Any) -> tuple[Any, bool, bool]:
    """(item type, is a list, may be None) of a type hint."""
    optional = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        optional = len(inner) < len(typing.get_args(hint))
        hint = inner[0]
    if typing.get_origin(hint) in (list, tuple):
        return typing.get_args(hint)[0], True, optional
    return hint, False, optional
