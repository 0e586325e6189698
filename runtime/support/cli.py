"""Command-line options from a dataclass: flags over YAML over defaults.

Kept small and on argparse: jsonargparse, measured first, wants a value after
a boolean flag and brackets round a list, and the stable command lines have
neither (`--headless`, `--source 0 clip.mp4`).
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import math
import os
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from runtime.errors import UserError
from runtime.support.files.home import at_home
from runtime.support.redaction import redact, remember
from runtime.support.terminal import standard_streams
from runtime.support.yaml_options import read_yaml, texts_in, unwrap

T = TypeVar("T")


class _Parser(argparse.ArgumentParser):
    """Fails in one line instead of a usage text."""

    #: What is being parsed.
    argv: Sequence[str] = ()

    def _hint(self) -> str:
        """How to write the name of a file that was taken for a flag."""
        for text in self.argv:
            if text.startswith("-") and text != "-" and os.path.lexists(text):
                return f"; a file whose name begins with - is written ./{text}"
        return ""

    def error(self, message: str) -> NoReturn:
        what, mark, extra = message.partition("unrecognized arguments: ")
        if mark:
            # Only the names: what was to be their value may be a secret.
            names = [a.partition("=")[0] for a in extra.split() if a.startswith("-")]
            message = what + mark + " ".join(names or ["a value without a flag"])
        message += self._hint()
        raise UserError(f"{redact(message)} (see {self.prog} --help)")


def option(help: str, default: Any = dataclasses.MISSING, **extra: Any) -> Any:
    """A dataclass field that is a command-line option.

    Args:
        help: What `--help` says.
        default: Default value; none makes the option required.
        extra: `choices`, `metavar`, `positional=True`, `bare=True` (a list's flag may
            stand alone, for an empty one), `between=(low, high)`: the range of a
            number, or of each in a list, `group`: the heading of `--help` that it
            stands under, or `read`: makes the value from what YAML holds and the
            place to name in errors; such an option has no flag.
    """
    metadata = {"help": help, **extra}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def parse_options(cls: type[T], prog: str, argv: Sequence[str] | None = None) -> T:
    """Reads options from a command line and an optional YAML file.

    Args:
        cls: Dataclass made of `option` fields; its docstring's first line is
            the description. A field `config` that isn't one gets the YAML file's path,
            and a field `flags` the names of the options that the command line gave.
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
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, field in fields.items():
        if "read" in field.metadata:
            continue
        title = field.metadata.get("group")
        if title is not None and title not in groups:
            groups[title] = parser.add_argument_group(title)
        _add(parser if title is None else groups[title], field, hints[name])
    argv = sys.argv[1:] if argv is None else argv
    # A mistyped flag must not bring the password of its URL into a log.
    remember(argv)
    parser.argv = argv
    flags, rest = _split(argv)
    given = vars(parser.parse_intermixed_args(flags))
    if rest:
        # argparse takes what follows `--` for flags all the same.
        several = next((n for n, f in fields.items() if f.metadata.get("positional")), None)
        if several is None:
            parser.error("unrecognized arguments: " + " ".join(rest))
        given[several] = [*given.get(several, []), *rest]
    config = at_home(given.pop("config", None))
    if config == "":
        raise UserError("--config is empty")
    values = {} if config is None else read_yaml(Path(config), fields, hints)
    values.update(given)
    for name, value in values.items():
        texts = texts_in(value)
        if any("\0" in text for text in texts):
            raise UserError(f"--{name} holds a NUL character")
        # An unset variable of a shell must mean neither the current folder nor nothing.
        if "" in texts and fields[name].default != "":
            shown = _metavar(name) if fields[name].metadata.get("positional") else f"--{name}"
            raise UserError(f"{shown} is empty")
        if "read" not in fields[name].metadata:  # that knows which of its texts are paths
            values[name] = at_home(value)
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
    if hasattr(options, "flags"):
        options.flags = frozenset(given)
    return options


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands before `--`, and what stands behind it."""
    if "--" not in argv:
        return list(argv), []
    at = list(argv).index("--")
    return list(argv[:at]), list(argv[at + 1 :])


def run_command(main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None) -> int:
    """Runs a command: one line and exit code 2 for what the user can mend.

    What it prints can be printed anywhere, as `standard_streams` says.

    Returns:
        `main`'s exit code; 2 for a `UserError` or a missing extra; 130 after Ctrl-C.
    """
    with standard_streams():
        return _run(main, argv)


def _run(main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None) -> int:
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
            f"error: the package {package!r} is not installed; this command needs an extra: in the "
            "checkout, pip install -e '.[train]' to train, '.[export]' to export",
            file=sys.stderr,
        )
        return 2
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing left to say.
        return 0
    except OSError as error:
        # What no check of a path expects.
        if error.errno not in (errno.ENAMETOOLONG, errno.ELOOP):
            raise
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
        print(f"error: {redact(name)}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _as_started(prog: str) -> str:
    """`emotion-webcam` where the console script was run, else `python -m runtime.webcam`."""
    name = Path(sys.argv[0]).name
    return name if name == f"emotion-{prog.rpartition('.')[2]}" else prog


def _add(parser: argparse._ActionsContainer, field: dataclasses.Field[Any], hint: Any) -> None:
    kind, many, _ = unwrap(hint)
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
