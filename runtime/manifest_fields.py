"""What the values of a manifest may be: checks with their messages, and named outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from reprlib import repr as shown
from typing import Any, TypeGuard

from runtime.errors import ManifestError
from runtime.support.files.strict_json import parse_json

#: Longest manifest in characters, and sidecar in bytes; the shipped ones have 10 thousand.
MAX_TEXT = 1 << 20

#: Most outputs that a model may name, most values of one, and longest text about it.
_MAX_OUTPUTS, _MAX_VALUES, _MAX_NAME = 16, 1 << 20, 64


@dataclass(frozen=True, slots=True)
class Output:
    """One named output of a network.

    Attributes:
        kind: What it is: `logits`, or a kind that later models bring, such as `embedding`.
        shape: Its shape for one input, without the batch.
        labels: Names of its values in order; empty where they have none.
        unit: Unit of its values; empty where they have none.
    """

    kind: str
    shape: tuple[int, ...]
    labels: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        """Checks every field.

        Raises:
            ManifestError: A value has the wrong type or range.
        """
        for name in ("kind", "unit"):
            if not _is_name(getattr(self, name)):
                raise wrong(f"outputs.{name}", "short text", getattr(self, name))
        size = 1
        for side in self.shape:
            if not is_int(side) or not 1 <= side <= _MAX_VALUES:
                raise wrong("outputs.shape", "whole numbers from 1", self.shape)
            size *= side
        if size > _MAX_VALUES:
            raise wrong("outputs.shape", f"of {_MAX_VALUES} values at the most", self.shape)
        if len(self.labels) > _MAX_VALUES or not all(map(_is_name, self.labels)):
            raise wrong("outputs.labels", "a list of short texts", self.labels)

    @classmethod
    def from_objects(cls, data: object) -> dict[str, Output]:
        """Outputs by name, from a manifest's JSON.

        Raises:
            ManifestError: They are no such objects, or too many.
        """
        if not isinstance(data, Mapping) or len(data) > _MAX_OUTPUTS:
            raise wrong("outputs", f"an object of {_MAX_OUTPUTS} outputs at the most", data)
        outputs = {}
        for name, value in data.items():
            if not _is_name(name) or not isinstance(value, Mapping):
                raise wrong("outputs", "an object of outputs by short names", data)
            check_keys(value, cls, "outputs")
            lists = {key: value.get(key, []) for key in ("shape", "labels")}
            for key, given in lists.items():
                if not isinstance(given, (list, tuple)):
                    raise wrong(f"outputs.{key}", "a list", given)
            outputs[name] = cls(
                value.get("kind", ""),
                tuple(lists["shape"]),
                tuple(lists["labels"]),
                value.get("unit", ""),
            )
        return outputs


def parse_object(text: str, origin: str) -> dict[str, Any]:
    """The JSON object of a manifest's text, its values unchecked.

    Raises:
        ManifestError: It is too large, not JSON or no object.
    """
    if len(text) > MAX_TEXT:
        raise ManifestError(f"{origin}: the manifest is too large (over {MAX_TEXT} characters)")
    try:
        data = parse_json(text)
    except ValueError as error:
        raise ManifestError(f"{origin}: the manifest is not JSON ({error})") from error
    if not isinstance(data, dict):
        raise ManifestError(f"{origin}: the manifest must be a JSON object")
    return data


def check_keys(data: Mapping[str, Any], cls: type[Any], origin: str) -> None:
    """Refuses keys that a dataclass doesn't have.

    Raises:
        ManifestError: There is one.
    """
    unknown = sorted(set(data) - {f.name for f in fields(cls)})
    if unknown:
        raise ManifestError(f"{origin}: unknown key {shown(unknown[0])}")


def wrong(name: str, wanted: str, value: object) -> ManifestError:
    """The error that says what a value must be."""
    return ManifestError(f"{name} must be {wanted}, not {shown(value)}")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a manifest's value is a number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_int(value: object) -> TypeGuard[int]:
    """Whether a manifest's value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_NAME
