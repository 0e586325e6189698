"""Untrusted JSON: only what every part of the program can hold, show and write again."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from reprlib import repr as shown
from typing import Any

#: Deepest nesting of objects and lists; the deepest of the shipped manifests has 7.
MAX_DEPTH = 32


def parse_json(text: str) -> Any:
    """Reads JSON text whose length the caller has limited.

    Args:
        text: The JSON text.

    Returns:
        Objects as dicts; numbers are finite and have 18 digits at the most.

    Raises:
        ValueError: It is no JSON, is nested deeper than `MAX_DEPTH`, has a name twice in
            one object, NaN, infinity or a huge number, or text that isn't Unicode.
    """
    try:
        data = json.loads(
            text,
            parse_constant=_number,
            parse_float=_number,
            parse_int=_number,
            object_pairs_hook=_object,
        )
        _check_depth(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    # Half a surrogate pair is no text: nothing could print or save it.
    json.dumps(data, ensure_ascii=False).encode()
    return data


def _check_depth(data: Any) -> None:
    rest = [(data, 1)]
    while rest:
        value, depth = rest.pop()
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        if isinstance(value, (dict, list)):
            inner = value.values() if isinstance(value, dict) else value
            rest += [(item, depth + 1) for item in inner]


def _number(text: str) -> int | float:
    digits = text.removeprefix("-")
    if digits.isdigit():
        if len(digits) < 19:
            return int(text)
    elif abs(value := float(text)) < math.inf:
        return value
    raise ValueError(f"{text[:20]} is too large, or no number")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"it has {shown(name)} twice")
    return data
