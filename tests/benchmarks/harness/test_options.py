"""Options that several benchmarks have mean the same in all of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from benchmarks.harness.options import (
    CompareOptions,
    EngineOption,
    LatencyTargetOption,
    rounds_option,
)
from runtime.errors import UserError
from runtime.support.cli import parse_options


@dataclass(kw_only=True)
class Some(CompareOptions, LatencyTargetOption, EngineOption):
    """Some options."""

    rounds: int = rounds_option("rounds", 5, least=3)


def test_defaults() -> None:
    options = parse_options(Some, "some", [])
    assert (options.engine, options.compare, options.output_json) == ("default", None, None)
    assert (options.latency_target, options.rounds) == (None, 5)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--rounds", "2"], "--rounds must be 3 or more"),
        (["--latency_target", "0"], "--latency_target must be 1 to 60000"),
    ],
)
def test_ranges(flags: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_options(Some, "some", flags)
