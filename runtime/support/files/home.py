"""`~` at the start of a path that somebody wrote."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def at_home(value: Any) -> Any:
    """A value with `~` and `~user` at its start made the home folder, as a shell does.

    A shell leaves it as it is in quotes and behind `=`, and a YAML file has no shell. What
    only contains the sign stays, so a file of that name is `./~`.

    Args:
        value: A text, or a list or dict of values; anything else, a `Path` among them, stays.
    """
    if isinstance(value, str):
        # A null character would make an error; what reads it says so.
        return os.path.expanduser(value) if value[:1] == "~" and "\0" not in value else value
    if isinstance(value, dict):
        return {key: at_home(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(at_home, value))
    return value


def home_path(given: str | os.PathLike[str]) -> Path:
    """A caller's path: `~` of a text is the home folder, that of a `Path` a name."""
    return Path(at_home(given))
