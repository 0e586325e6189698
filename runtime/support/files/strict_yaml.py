"""Untrusted YAML: a short text must not become more than memory holds, nor any odd error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

#: Longest file of options in characters.
MAX_TEXT = 1 << 20

#: Most mappings that one is merged of (`<<:`), and most keys that it may have by it: of
#: merges in merges, ten lines make billions.
_MAX_MERGED, _MAX_KEYS = 100, 1000


def read_text(path: Path) -> str:
    """The text of a file, a pipe or a terminal.

    Raises:
        OSError: It can't be read, or is longer than `MAX_TEXT`.
        UnicodeDecodeError: It isn't UTF-8.
    """
    with path.open(encoding="utf-8") as stream:
        text = stream.read(MAX_TEXT + 1)
    if len(text) > MAX_TEXT:
        raise OSError(27, f"too large (more than {MAX_TEXT} characters)", str(path))
    return text


def parse_yaml(text: str) -> Any:
    """Reads YAML text whose length the caller has limited.

    Args:
        text: The YAML text.

    Returns:
        What it holds. One value may stand in many places of it, and hold itself.

    Raises:
        yaml.YAMLError: It is no YAML.
    """
    import yaml

    try:
        return yaml.load(text, _loader())
    except yaml.YAMLError:
        raise
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    except Exception as error:
        # What PyYAML raises of its own where a value isn't what its tag says (`!!bool x`).
        raise yaml.YAMLError("a value that isn't what its tag says") from error


@cache
def _loader() -> Any:
    """The class that reads; PyYAML is loaded only where there is something to read."""
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's safe one, with limits."""

        def flatten_mapping(self, node: Any) -> None:
            """Merges what `<<` names into a mapping."""
            for key, value in node.value:
                if key.tag == "tag:yaml.org,2002:merge" and len(value.value) > _MAX_MERGED:
                    self._refuse(node)
            super().flatten_mapping(node)
            if len(node.value) > _MAX_KEYS:
                self._refuse(node)

        def _refuse(self, node: Any) -> None:
            raise yaml.constructor.ConstructorError(
                None, None, "a mapping of too many keys", node.start_mark
            )

    return Loader
