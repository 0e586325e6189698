"""YAML is as strict as the command line."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from runtime.errors import UserError
from runtime.support.cli import option, parse_options
from runtime.support.yaml_options import texts_in


@dataclass
class Options:
    """Options of several kinds."""

    kinds: list[str] = option("kinds", ["a"], choices=("a", "b"))
    sizes: list[int] | None = option("sizes", None, choices=(1, 2))
    trust: list[int] | None = option("trust", None, bare=True)
    pairs: object = option("pairs", None, read=lambda value, where: (where, value))
    flags: frozenset[str] = field(init=False, default=frozenset())


def parse(tmp_path, text: str, *argv: str) -> Options:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    return parse_options(Options, "x", ["--config", str(file), *argv])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kinds: [a, c]", "kinds must be one of a, b, not 'c'"),
        ("kinds: c", "kinds must be one of a, b, not 'c'"),
        ("sizes: [1, 3]", "sizes must be one of 1, 2, not 3"),
    ],
)
def test_choices_of_lists_are_checked_as_on_the_command_line(tmp_path, text, message):
    with pytest.raises(UserError) as refused:
        parse(tmp_path, text)
    assert message in str(refused.value)
    with pytest.raises(UserError, match="invalid choice: 'c'"):
        parse(tmp_path, "", "--kinds", "a", "c")


def test_lists_need_no_brackets_and_flags_may_stand_bare(tmp_path):
    assert parse(tmp_path, "kinds: b\ntrust: true").kinds == ["b"]
    assert parse(tmp_path, "trust: true").trust == []
    assert parse(tmp_path, "trust: false").trust is None
    assert parse(tmp_path, "trust: 1").trust == [1]
    assert parse(tmp_path, "", "--trust").trust == []


def test_what_reads_its_own_value_is_told_its_place_and_has_no_flag(tmp_path):
    got = parse(tmp_path, "pairs: {a: 1}", "--sizes", "2")
    assert got.pairs == (f"--config {tmp_path / 'c.yaml'}: pairs", {"a": 1})
    assert got.flags == {"sizes"}
    with pytest.raises(UserError, match="unrecognized arguments: --pairs"):
        parse(tmp_path, "", "--pairs", "x")


def test_texts_are_found_at_any_depth_but_not_for_ever():
    loop: list[object] = ["a"]
    loop.append(loop)
    assert set(texts_in(loop)) == {"a"}
    assert texts_in([{"b": ["c", 1]}, "d"]) == ["c", "d"]
    many: object = "e"
    for _ in range(4):
        many = [many] * 1000
    assert texts_in(many) == ["e"]


def test_a_number_too_large_for_a_float_is_one_line(tmp_path):
    @dataclass
    class Rate:
        """A rate."""

        rate: float = option("a rate", 1.0)

    file = tmp_path / "r.yaml"
    file.write_text(f"rate: {10**400}")
    with pytest.raises(UserError, match="must be of type float"):
        parse_options(Rate, "x", ["--config", str(file)])
