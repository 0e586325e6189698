"""Command-line options from a dataclass: flags over YAML over defaults.

Kept small and on argparse: jsonargparse, measured first, wants a value after
a boolean flag and brackets round a list, and the stable command lines have
neither (`--headless`, `--source 0 clip.mp4`).
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import math
import re
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from runtime.errors import UserError
from runtime.support.redaction import redact, remember

T = TypeVar("T")


class _Parser(argparse.ArgumentParser):
    """Fails in one line instead of a usage text."""

    def error(self, message: str) -> NoReturn:
        what, mark, extra = message.partition("unrecognized arguments: ")
        if mark:
            # Only the names: what was to be their value may be a secret.
            names = [a.partition("=")[0] for a in extra.split() if a.startswith("-")]
            message = what + mark + " ".join(names or ["a value without a flag"])
        raise UserError(f"{redact(message)} (see {self.prog} --help)")


def option(help: str, default: Any = dataclasses.MISSING, **extra: Any) -> Any:
    """A dataclass field that is a command-line option.

    Args:
        help: What `--help` says.
        default: Default value; none makes the option required.
        extra: `choices`, `metavar`, `positional=True`, `bare=True` (a list's flag may
            stand alone, for an empty one), or `between=(low, high)`: the range of a
            number, or of each in a list.
    """
    metadata = {"help": help, **extra}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def parse_options(cls: type[T], prog: str, argv: Sequence[str] | None = None) -> T:
    """Reads options from a command line and an optional YAML file.

    Args:
        cls: Dataclass made of `option` fields; its docstring's first line is
            the description. A field `config` that isn't one gets the YAML file's path.
        prog: Name shown in messages, such as `python -m runtime.webcam`; a console
            script shows its own.
        argv: Arguments; `sys.argv[1:]` by default.

    Returns:
        An instance of `cls`.

    Raises:
        UserError: Unknown flag or YAML key, wrong type, missing option.
    """
    prog = _as_started(prog)
    doc = (cls.__doc__ or "").strip().splitlines()
    parser = _Parser(
        prog=prog,
        description=doc[0] if doc else None,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--config", metavar="YAML", help="read options from this file")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    for name, field in fields.items():
        _add(parser, field, hints[name])
    argv = sys.argv[1:] if argv is None else argv
    # A mistyped flag must not bring the password of its URL into a log.
    remember(argv)
    given = vars(parser.parse_intermixed_args(argv))
    config = given.pop("config", None)
    values = {} if config is None else _from_yaml(Path(config), fields, hints)
    values.update(given)
    for name, value in values.items():
        if any("\0" in text for text in _texts(value)):
            raise UserError(f"--{name} holds a NUL character")
        _check_range(name, value, fields[name].metadata.get("between"))
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and not values.get(name):
            shown = _metavar(name) if field.metadata.get("positional") else f"--{name}"
            raise UserError(f"{shown} is required (see {prog} --help)")
    options = cls(**values)
    if hasattr(options, "config"):
        options.config = config
    return options


def run_command(main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None) -> int:
    """Runs a command: one line and exit code 2 for what the user can mend.

    What it prints can be printed anywhere: a terminal that lacks a character, or a
    name that is no text, gets an escape in its place.

    Returns:
        `main`'s exit code; 2 for a `UserError` or a missing extra; 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return main(argv)
    except UserError as error:
        print(f"error: {redact(' '.join(str(error).split()))}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        # An extra that isn't installed; a module of our own missing is a defect.
        package = (error.name or "").split(".")[0]
        if not package or (Path(__file__).parents[2] / package).exists():
            raise
        print(
            f"error: the package {package!r} is not installed; this command needs an extra: "
            "pip install -e '.[train]' to train, '.[export]' to export",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing left to say.
        sys.stderr.close()
        return 0


def _as_started(prog: str) -> str:
    """`emotion-webcam` where the console script was run, else `python -m runtime.webcam`."""
    name = Path(sys.argv[0]).name
    return name if name == f"emotion-{prog.rpartition('.')[2]}" else prog


def _unwrap(hint: Any) -> tuple[Any, bool, bool]:
    """(item type, is a list, may be None) of a type hint."""
    optional = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        optional = len(inner) < len(typing.get_args(hint))
        hint = inner[0]
    if typing.get_origin(hint) in (list, tuple):
        return typing.get_args(hint)[0], True, optional
    return hint, False, optional


def _add(parser: argparse.ArgumentParser, field: dataclasses.Field[Any], hint: Any) -> None:
    kind, many, _ = _unwrap(hint)
    meta = dict(field.metadata)
    text = meta["help"].replace("%", "%%")
    positional = meta.pop("positional", False)
    default = (
        field.default_factory()
        if field.default_factory is not dataclasses.MISSING
        else field.default
    )
    if default not in (dataclasses.MISSING, None, "", False):
        shown = " ".join(map(str, default)) if many else default
        text += f" (default: {shown})"
    extra = {k: meta[k] for k in ("choices", "metavar") if k in meta}
    if kind is bool:
        parser.add_argument(f"--{field.name}", action=argparse.BooleanOptionalAction, help=text)
    elif positional:
        parser.add_argument(
            field.name, nargs="*", type=kind, help=text, metavar=_metavar(field.name)
        )
    elif many:
        count = "*" if meta.get("bare") else "+"
        parser.add_argument(
            f"--{field.name}", nargs=count, action="extend", type=kind, help=text, **extra
        )
    else:
        parser.add_argument(f"--{field.name}", type=kind, help=text, **extra)


def _check_range(name: str, value: Any, between: tuple[float, float] | None) -> None:
    """Refuses a number outside its range, and NaN."""
    if between is None or value is None:
        return
    low, high = between
    for number in value if isinstance(value, list) else [value]:
        if not low <= number <= high:
            limit = f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"
            raise UserError(f"--{name} must be {limit}, not {number}")


def _metavar(name: str) -> str:
    """One item of a positional list: `paths` -> `PATH`."""
    return name.upper().removesuffix("S")


def _from_yaml(
    path: Path, fields: dict[str, dataclasses.Field[Any]], hints: dict[str, Any]
) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--config {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"--config {path}: not text in UTF-8") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
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
    values = {}
    remember(text for value in data.values() for text in _texts(value))
    for key, value in data.items():
        if key not in fields:
            shown = repr(key) if isinstance(key, str) else f"of type {type(key).__name__}"
            raise UserError(f"--config {path}: unknown option {shown}")
        values[key] = _convert(value, hints[key], fields[key], f"--config {path}: {key}")
    return values


def _convert(value: Any, hint: Any, field: dataclasses.Field[Any], where: str) -> Any:
    kind, many, optional = _unwrap(hint)
    if value is None and optional:
        return None
    if field.metadata.get("bare") and isinstance(value, bool):
        return [] if value else None
    if many:
        items = value if isinstance(value, list) else [value]
        return [_scalar(item, kind, where) for item in items]
    result = _scalar(value, kind, where)
    choices = field.metadata.get("choices")
    if choices and result not in choices:
        raise UserError(f"{where} must be one of {', '.join(choices)}, not {result!r}")
    return result


def _texts(value: Any) -> list[str]:
    """The texts of an option's value, which is one or a list of them."""
    return [
        text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
    ]


def _scalar(value: Any, kind: Any, where: str) -> Any:
    """YAML's own types, with whole numbers and text taken for floats (`1e-4`)."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is str and is_number:
        return str(value)
    if kind is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            pass
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise UserError(f"{where} must be of type {kind.__name__}, not {type(value).__name__}")
