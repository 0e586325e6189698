"""Options that several benchmarks have, each declared once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runtime.options.shared import engine_option
from runtime.support.cli import option


@dataclass(kw_only=True)
class OutputOptions:
    """Where the figures go."""

    output_json: str | None = option("write the figures here", None)


@dataclass(kw_only=True)
class CompareOptions(OutputOptions):
    """Where the figures go, and what they are compared with."""

    compare: str | None = option(
        "older --output_json; exit code 1 where something has become worse", None
    )


@dataclass(kw_only=True)
class EngineOption:
    """The one model of a benchmark."""

    engine: str = engine_option()


@dataclass(kw_only=True)
class LatencyTargetOption:
    """The latency that load shedding keeps to."""

    latency_target: float | None = option("as runtime.webcam's, in ms", None, between=(1, 60_000))


def rounds_option(help: str, default: int, least: int = 1) -> int:
    """A field for the number of rounds, each of which runs everything once.

    Args:
        help: What `--help` says.
        default: Default number.
        least: Fewest that are allowed.
    """
    rounds: int = option(help, default, between=(least, math.inf))
    return rounds
