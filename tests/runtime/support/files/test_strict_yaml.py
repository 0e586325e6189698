"""Hostile YAML is refused as YAML, soon, and in little memory."""

from __future__ import annotations

import pytest
import yaml

from runtime.support.files.strict_yaml import MAX_TEXT, parse_yaml, read_text

#: Each level is merged of nine of the level below.
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{','.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [
        "!!bool perhaps",
        '!!int ""',
        "!!timestamp soon",
        "2001-99-99",
        '"\\UFFFFFFFF"',
        "? [a]\n: b",
        "0b_",
        "- " * 5000,
        "[" * 5000,
        "!!python/object/apply:os.getcwd []",
        "<<: [1]",
        MERGES,
        "a: &a {b: 1}\nc: {<<: [" + "*a," * 101 + "]}",
    ],
)
def test_what_is_no_sound_yaml_gives_its_one_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text)


def test_merged_mappings_are_read() -> None:
    assert parse_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}")["b"] == {"x": 1, "y": 2}
    assert parse_yaml("a: &a {x: 1}\nb: {<<: [*a, {z: 3}]}")["b"] == {"x": 1, "z": 3}


def test_a_file_has_a_largest_length(tmp_path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("#" * MAX_TEXT)
    assert len(read_text(path)) == MAX_TEXT
    path.write_text("#" * (MAX_TEXT + 1))
    with pytest.raises(OSError, match="too large"):
        read_text(path)
