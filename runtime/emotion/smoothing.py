"""Steady labels: probabilities averaged over seconds, with hysteresis."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.emotion.certainty import CERTAIN
from runtime.messages import EmotionResult, Face


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """The label of a track at one moment.

    Attributes:
        index: Index of the label.
        confidence: Its smoothed probability.
        uncertain: True where no label deserves trust.
        probabilities: (C,) float64, smoothed; they add up to one.
    """

    index: int
    confidence: float
    uncertain: bool
    probabilities: NDArray[np.float64]

    def describe(
        self,
        face: Face,
        labels: Sequence[str],
        track: int = 0,
        zone: str = "",
        embedding: NDArray[np.float32] | None = None,
    ) -> EmotionResult:
        """The result that says so of a face.

        Args:
            face: The face.
            labels: All labels, in the model's order.
            track: Id of its track; 0 in single pictures.
            zone: Name of its zone; empty for none.
            embedding: Features of the face, where it was read now and they were asked for.
        """
        return EmotionResult(
            track=track,
            box=face.box,
            score=face.score,
            emotion=labels[self.index],
            confidence=self.confidence,
            uncertain=self.uncertain,
            probabilities=dict(zip(labels, self.probabilities.tolist(), strict=True)),
            zone=zone,
            embedding=embedding,
        )


@dataclass
class _State:
    time_s: float
    probabilities: NDArray[np.float64]
    index: int
    uncertain: bool
    here_s: float  # when the track was last there, observed or waiting for its turn


class Smoother:
    """Smooths each track of a stream by time, not by frames.

    An exponential average with time constant `tau_s` (its weight follows the
    time between two frames, so the rate doesn't matter). The label changes
    only when another leads by `lead`; "uncertain" begins below `certain` and
    ends `hysteresis` above it.
    """

    def __init__(
        self,
        tau_s: float = 0.25,
        lead: float = 0.08,
        certain: float = CERTAIN,
        hysteresis: float = 0.06,
        reset_s: float = 1.0,
    ) -> None:
        """Makes a smoother without tracks.

        Args:
            tau_s: Time constant in seconds; 0 turns averaging off.
            lead: How much more probable another label must be to take over.
            certain: Probability from which a label deserves trust: more likely
                right than wrong, by the calibrated confidence.
            hysteresis: How far above `certain` it must rise to be trusted again.
            reset_s: Gap in seconds after which a track starts afresh; where it was
                there and only waited for its turn (`forget`), there is none.
        """
        self._tau_s = tau_s
        self._lead = lead
        self._certain = certain
        self._hysteresis = hysteresis
        self._reset_s = reset_s
        self._states: dict[int, _State] = {}

    def update(self, track: int, probabilities: NDArray[np.floating], time_s: float) -> Label:
        """Takes a new observation.

        Args:
            track: Id of the track.
            probabilities: (C,) observed now.
            time_s: Media time in seconds.
        """
        now = np.asarray(probabilities, np.float64)
        state = self._states.get(track)
        if (
            state is None
            or time_s < state.time_s
            or time_s - max(state.time_s, state.here_s) > self._reset_s
        ):
            index = int(now.argmax())
            state = _State(time_s, now, index, bool(now[index] < self._certain), time_s)
            self._states[track] = state
        else:
            elapsed = time_s - state.time_s
            keep = math.exp(-elapsed / self._tau_s) if self._tau_s > 0 else 0.0
            state.probabilities = keep * state.probabilities + (1 - keep) * now
            state.time_s = time_s
            best = int(state.probabilities.argmax())
            if state.probabilities[best] >= state.probabilities[state.index] + self._lead:
                state.index = best
            limit = self._certain + (self._hysteresis if state.uncertain else 0.0)
            state.uncertain = bool(state.probabilities[state.index] < limit)
        return self._label(state)

    def last(self, track: int) -> Label | None:
        """The track's latest label, or None if it never had one."""
        state = self._states.get(track)
        return None if state is None else self._label(state)

    def read_s(self, track: int) -> float | None:
        """Media time of the track's latest observation in seconds, or None without one."""
        state = self._states.get(track)
        return None if state is None else state.time_s

    def forget(self, time_s: float, present: Collection[int] = ()) -> None:
        """Drops tracks that were last observed longer ago than a reset takes.

        Args:
            time_s: Media time now, in seconds.
            present: Ids of tracks that stay all the same: they are there, and
                only wait for their turn.
        """
        for track in present:
            if track in self._states:
                self._states[track].here_s = time_s
        self._states = {
            track: state
            for track, state in self._states.items()
            if track in present or abs(time_s - state.time_s) <= self._reset_s
        }

    @staticmethod
    def _label(state: _State) -> Label:
        confidence = float(state.probabilities[state.index])
        return Label(state.index, confidence, state.uncertain, state.probabilities)
