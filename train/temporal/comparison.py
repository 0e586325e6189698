"""The head against single frames and plain smoothing, on the same sequences.

Intervals are of 95%, by the bootstrap over sequences; differences are paired.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

from runtime.emotion.classifier import softmax
from runtime.emotion.smoothing import Smoother
from train.scores import calibration_error
from train.temporal.head import TemporalNet
from train.temporal.head_training import head_logits
from train.temporal.observations import Observed
from train.temporal.stability import Labels, count_flips, delay_s

#: Time constants of plain smoothing in seconds; the first is the runtime's default.
TIME_CONSTANTS = (0.25, 0.5, 0.75)

#: Names of what is compared.
SINGLE, HEAD, HEAD_STEADY = "single frames", "head alone", "head, with hysteresis"

#: Longest delay that a head may add, in milliseconds.
_MAX_DELAY_MS = 300.0

_DRAWS = 2000

Floats = NDArray[np.float64]
Method = Callable[[Observed], Labels]


def average_name(tau_s: float) -> str:
    """Names plain smoothing with a time constant in seconds."""
    return f"average of {tau_s:g} s"


#: What the differences are taken from.
BASE = average_name(TIME_CONSTANTS[0])


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of one method, an entry a sequence.

    Attributes:
        hits: (S,) frames that were right.
        frames: (S,) all frames.
        hard_hits: (S,) degraded frames that were right.
        hard_frames: (S,) degraded frames.
        flips: (S,) see `count_flips`.
        minutes: (S,) length.
        added_ms: (S,) delay beyond that of single frames; NaN where there is none.
    """

    hits: Floats
    frames: Floats
    hard_hits: Floats
    hard_frames: Floats
    flips: Floats
    minutes: Floats
    added_ms: Floats

    def figures(self, chosen: NDArray[np.int64]) -> dict[str, Floats]:
        """Computes the figures over draws of sequences.

        Args:
            chosen: (D, S) indices of sequences.

        Returns:
            (D,) of each.
        """

        def ratio(top: Floats, bottom: Floats) -> Floats:
            share: Floats = top[chosen].sum(1) / np.maximum(bottom[chosen].sum(1), 1e-9)
            return share

        return {
            "accuracy": 100 * ratio(self.hits, self.frames),
            "degraded_accuracy": 100 * ratio(self.hard_hits, self.hard_frames),
            "flips_per_minute": ratio(self.flips, self.minutes),
            "added_delay_ms": _median(self.added_ms[chosen]),
        }


def methods(head: TemporalNet, temperature: float) -> dict[str, Method]:
    """Gives what is compared: labels of a sequence by the method's name."""

    def steady(probabilities: Floats, times: Floats, tau_s: float) -> Labels:
        smoother = Smoother(tau_s)
        rows = zip(probabilities, times, strict=True)
        return np.array([smoother.update(1, row, float(t)).index for row, t in rows])

    def of_head(sequence: Observed) -> Floats:
        return softmax(head_logits(head, sequence), temperature)

    averages: dict[str, Method] = {
        average_name(tau): lambda s, tau=tau: steady(s.probabilities, s.times, tau)  # type: ignore[misc]
        for tau in TIME_CONSTANTS
    }
    return {
        SINGLE: lambda s: s.probabilities.argmax(1),
        **averages,
        HEAD: lambda s: of_head(s).argmax(1),
        HEAD_STEADY: lambda s: steady(of_head(s), s.times, 0.0),
    }


def compare_methods(
    sequences: Sequence[Observed], compared: Mapping[str, Method], seed: int
) -> dict[str, Any]:
    """Computes the figures of each method, and its differences from plain smoothing.

    Args:
        sequences: Sequences that no method was made on.
        compared: As `methods` gives them.
        seed: Seed of the bootstrap.

    Returns:
        For each method `value`, `interval` and, against `BASE`, `difference`
        and `difference_interval` of each figure, and `never` (changes that it missed).
    """
    tallies = {name: tally(sequences, method) for name, method in compared.items()}
    drawn = {name: _with_draws(own, len(sequences), seed) for name, own in tallies.items()}
    raw_missed = np.isnan(tallies[SINGLE].added_ms)
    result: dict[str, Any] = {}
    for name, figures in drawn.items():
        result[name] = {
            key: {
                "value": _round(values[0]),
                "interval": _interval(values[1:]),
                "difference": _round(values[0] - drawn[BASE][key][0]),
                "difference_interval": _interval(values[1:] - drawn[BASE][key][1:]),
            }
            for key, values in figures.items()
        }
        result[name]["never"] = int((np.isnan(tallies[name].added_ms) & ~raw_missed).sum())
    return result


def calibration_errors(
    sequences: Sequence[Observed], head: TemporalNet, temperature: float
) -> dict[str, float]:
    """Computes the expected calibration error over all frames, of single frames and of the head."""
    truth = np.concatenate([s.truth for s in sequences])
    single = np.concatenate([s.probabilities for s in sequences])
    logits = np.concatenate([head_logits(head, s) for s in sequences])
    return {
        SINGLE: round(calibration_error(np.log(single.clip(1e-12)), truth), 4),
        HEAD: round(calibration_error(logits / temperature, truth), 4),
    }


def verdict(compared: Mapping[str, Any]) -> dict[str, bool]:
    """Whether the head has won: every condition must hold.

    They were set before the first figures: a head must be more accurate on
    degraded frames and over all than the default smoothing (the whole interval
    above zero), no less so than slower smoothing, and neither flip more nor answer too slowly.
    """
    head, base = compared[HEAD_STEADY], compared[BASE]
    slower = [compared[average_name(tau)] for tau in TIME_CONSTANTS[1:]]
    return {
        "more_accurate": head["accuracy"]["difference_interval"][0] > 0,
        "more_accurate_degraded": head["degraded_accuracy"]["difference_interval"][0] > 0,
        "no_less_accurate_than_slower": all(
            head[key]["value"] >= other[key]["value"]
            for other in slower
            for key in ("accuracy", "degraded_accuracy")
        ),
        "no_more_flips": head["flips_per_minute"]["value"] <= base["flips_per_minute"]["value"],
        # Without a change of face there is no delay.
        "in_time": (head["added_delay_ms"]["value"] or 0.0) <= _MAX_DELAY_MS,
    }


def tally(sequences: Sequence[Observed], method: Method) -> Tally:
    """Counts of a method over sequences."""
    rows = []
    for s in sequences:
        labels, raw = method(s), s.probabilities.argmax(1)
        hits = labels == s.truth
        own, single = (delay_s(some, raw, s.times, s.change) for some in (labels, raw))
        rows.append(
            (
                hits.sum(),
                len(hits),
                hits[s.degraded].sum(),
                s.degraded.sum(),
                count_flips(labels, s.change),
                (s.times[-1] - s.times[0]) / 60,
                np.nan if own is None or single is None else 1e3 * (own - single),
            )
        )
    return Tally(*np.array(rows, np.float64).T)


def _with_draws(counts: Tally, sequences: int, seed: int) -> dict[str, Floats]:
    """Computes (1 + D,) of each figure: over all sequences, then over each draw of the bootstrap.

    Every method gets the same draws, so that differences are paired.
    """
    everything = np.arange(sequences)
    whole = counts.figures(everything[None])

    def statistic(chosen: NDArray[np.int64], axis: int) -> Floats:
        return np.stack(list(counts.figures(np.atleast_2d(chosen)).values()))

    # Of one sequence there is but one draw, which scipy refuses.
    draws = np.repeat(np.stack(list(whole.values())), _DRAWS, 1)
    if sequences > 1:
        with warnings.catch_warnings():
            # Where no face changes there are no delays, so no interval of them.
            warnings.simplefilter("ignore", DegenerateDataWarning)
            draws = bootstrap(
                (everything,),
                statistic,
                n_resamples=_DRAWS,
                vectorized=True,
                method="percentile",
                random_state=np.random.default_rng(seed),
            ).bootstrap_distribution
    return {
        key: np.concatenate([value, row])
        for (key, value), row in zip(whole.items(), draws, strict=True)
    }


def _median(values: Floats) -> Floats:
    """Computes the medians of rows, NaN left out; NaN for a row of nothing else."""
    ordered = np.sort(values, 1)  # NaN come last
    count = (~np.isnan(values)).sum(1)
    rows = np.arange(len(values))
    middle = [ordered[rows, np.maximum((count - odd) // 2, 0)] for odd in (0, 1)]
    result: Floats = np.where(count > 0, (middle[0] + middle[1]) / 2, np.nan)
    return result


def _interval(values: Floats) -> list[float | None]:
    known = values[~np.isnan(values)]
    if not len(known):
        return [None, None]
    return [_round(v) for v in np.percentile(known, (2.5, 97.5))]


def _round(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 2)
