"""The options have the ranges that they state."""

from __future__ import annotations

import pytest

from runtime.errors import UserError
from runtime.support.cli import parse_options
from train.evaluate.options import EvaluateOptions


def _parse(*flags: str) -> EvaluateOptions:
    return parse_options(EvaluateOptions, "evaluate", ["--data_dir", "D", *flags])


def test_defaults_are_a_whole_evaluation() -> None:
    options = _parse()
    assert (options.split, options.dataset, options.limit) == ("valid", "ferplus", 0)
    assert (options.skip_corruptions, options.skip_copies, options.backgrounds) == (
        False,
        False,
        [],
    )
    assert _parse("--backgrounds", "a.png", "b").backgrounds == ["a.png", "b"]


@pytest.mark.parametrize("flags", [("--threads", "0"), ("--seed", "-1"), ("--limit", "-1")])
def test_what_lies_outside_is_refused(flags: tuple[str, str]) -> None:
    with pytest.raises(UserError, match=f"{flags[0]} must be"):
        _parse(*flags)
