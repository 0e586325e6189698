"""A track's last moments, read by a small recurrent network in place of an average.

Each track keeps what the emotion model said of it for about a second. Each new
observation makes a window of a fixed number of steps, equally far apart in
time whatever the frame rate, which ends at that observation; the head (an ONNX
file that `python -m export.temporal` wrote) gives the probabilities now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.emotion.classifier import softmax
from runtime.engines.base import Network
from runtime.engines.catalogue import SHIPPED_HEAD, checkpoint_of
from runtime.engines.emotion_engine import sound_logits
from runtime.engines.package import ModelPackage, NoManifestError, use_package
from runtime.errors import EngineError, ManifestError, UserError, in_checkout
from runtime.manifest import Manifest
from runtime.manifest_fields import is_int, is_number
from runtime.support.files.home import at_home

#: `Manifest.model["kind"]` of a head.
KIND = "temporal_head"

#: Observations that a step may hold; what comes faster replaces the one before.
_PER_STEP = 4


#: Longest windows: each track keeps one, and each of its observations makes one.
MAX_STEPS, MAX_WINDOW_S = 256, 60


class History:
    """The observations of one track that a window can still need."""

    def __init__(self, steps: int, window_s: float) -> None:
        """Starts without any.

        Args:
            steps: Steps of a window.
            window_s: Its length in seconds; steps are `window_s / steps` apart.
        """
        self._step_s = window_s / steps
        # From the oldest to the newest, up to 0.
        self._offsets = np.arange(1 - steps, 1) * self._step_s
        self._window_s = window_s
        self._times: list[float] = []
        self._rows: list[NDArray[np.float64]] = []

    def __len__(self) -> int:
        return len(self._times)

    def push(self, time_s: float, row: NDArray[np.floating]) -> None:
        """Takes an observation; after a gap of a window, or back in time, starts afresh.

        Args:
            time_s: Media time in seconds.
            row: (C,) probabilities.
        """
        times, rows = self._times, self._rows
        if times and not 0 <= time_s - times[-1] <= self._window_s:
            times.clear()
            rows.clear()
        # Of the same moment, or faster than a window can tell.
        crowded = len(times) > 1 and time_s - times[-2] < self._step_s / _PER_STEP
        if times and (crowded or time_s == times[-1]):
            times.pop()
            rows.pop()
        times.append(time_s)
        rows.append(np.asarray(row, np.float64))
        # The last one from before the window still shapes its beginning.
        start_s = time_s + self._offsets[0]
        while len(times) > 1 and times[1] <= start_s:
            del times[0], rows[0]

    def window(self) -> NDArray[np.float32]:
        """(steps, C) float32, linear between observations; zeros from before the first.

        Raises:
            ValueError: There was no observation.
        """
        if not self._times:
            raise ValueError("no observation yet")
        times, rows = np.array(self._times), np.array(self._rows)
        points = times[-1] + self._offsets
        after = np.searchsorted(times, points, "right").clip(1, max(1, len(times) - 1))
        before = after - 1
        after = np.minimum(after, len(times) - 1)
        span = times[after] - times[before]
        # A lone observation has no span.
        share = ((points - times[before]) / np.where(span > 0, span, 1.0)).clip(0, 1)[:, None]
        result = (1 - share) * rows[before] + share * rows[after]
        result[points < times[0]] = 0
        return np.asarray(result, np.float32)


class TemporalHead:
    """The head with its manifest; one thread calls it."""

    def __init__(self, network: Network, manifest: Manifest, origin: str | Path) -> None:
        """Checks the network against its manifest.

        Args:
            network: Takes (N, steps, C) float32, gives (N, C) logits; the head's from now on.
            manifest: What it is.
            origin: Its file, for messages.

        Raises:
            ManifestError: It is no head.
        """
        self._network = network
        self.manifest = manifest
        model, count = self.manifest.model, len(self.manifest.labels)
        if model.get("kind") != KIND:
            raise ManifestError(
                f"--temporal_head {origin}: an emotion model, not a temporal head; "
                f"make one with {in_checkout('train.temporal')}, then export.temporal"
            )
        steps, window_s = model.get("steps"), model.get("window_s")
        if not is_int(steps) or not 1 <= steps <= MAX_STEPS:
            raise ManifestError(
                f"--temporal_head {origin}: malformed manifest: steps must be 1 to {MAX_STEPS}"
            )
        if not is_number(window_s) or not 0.01 <= window_s <= MAX_WINDOW_S:
            raise ManifestError(
                f"--temporal_head {origin}: malformed manifest: window_s must be 0.01 to "
                f"{MAX_WINDOW_S} seconds"
            )
        self.steps, self.window_s = steps, float(window_s)
        shapes = list(network.output_shapes.values())
        if tuple(network.input_shape[1:]) != (self.steps, count) or [
            tuple(shape[1:]) for shape in shapes
        ] != [(count,)]:
            raise ManifestError(
                f"--temporal_head {origin}: the model contradicts its manifest; export it again"
            )
        self.labels = self.manifest.labels
        self._origin = origin

    def check(self, labels: Sequence[str]) -> None:
        """Refuses an emotion model of other labels.

        Raises:
            ManifestError: The labels differ.
        """
        if tuple(labels) != self.labels:
            raise ManifestError(
                f"--temporal_head {self._origin}: made for the labels {', '.join(self.labels)}, "
                f"but the engine has {', '.join(labels)}; train a head for this engine"
            )

    def read(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """(N, steps, C) float32 windows -> (N, C) float64 probabilities.

        Raises:
            EngineError: The model failed, or gave another type or shape, or no finite numbers.
        """
        if not len(windows):
            return np.zeros((0, len(self.labels)))
        shape = (len(windows), len(self.labels))
        (given,) = self._network.run(windows).values()
        logits = sound_logits(self._network.name, given, shape)
        return softmax(logits, self.manifest.temperature)

    def close(self) -> None:
        """Frees the model."""
        self._network.close()


class TrackHistories:
    """The histories of one stream's tracks."""

    def __init__(self, head: TemporalHead) -> None:
        self._steps, self._window_s = head.steps, head.window_s
        self._tracks: dict[int, tuple[float, History]] = {}

    def push(self, track: int, row: NDArray[np.floating], time_s: float) -> NDArray[np.float32]:
        """Takes an observation of a track.

        Args:
            track: Its id.
            row: (C,) probabilities observed now.
            time_s: Media time in seconds.

        Returns:
            (steps, C) float32, the window that ends now.
        """
        _, history = self._tracks.get(track) or (0.0, History(self._steps, self._window_s))
        history.push(time_s, row)
        self._tracks[track] = (time_s, history)
        return history.window()

    def forget(self, time_s: float, present: Collection[int]) -> None:
        """Drops tracks that are gone, and whose next observation would start afresh.

        Args:
            time_s: Media time now, in seconds.
            present: Ids of the tracks that are there.
        """
        self._tracks = {
            track: entry
            for track, entry in self._tracks.items()
            if track in present or abs(time_s - entry[0]) <= self._window_s
        }


def choose_head(
    name: str | Path, engine: Manifest, smoothing_s: float | None = None
) -> TemporalHead | None:
    """Opens the head that an option asks for.

    Args:
        name: A file; `default`, the shipped head; `none`; or `auto`, the shipped head
            where it was fitted to this engine's checkpoint and no other smoothing is
            asked for.
        engine: Manifest of the engine whose probabilities the head reads.
        smoothing_s: Time constant of the average that was asked for, None where none was.

    Returns:
        The head, or None where labels shall be averaged.

    Raises:
        EngineError, ManifestError: As `open_head`.
        UserError: A head and an average are asked for.
    """
    if name == "none" or (name == "auto" and smoothing_s is not None):
        return None
    if name == "auto":
        checkpoint = checkpoint_of(engine)
        return None if checkpoint is None else _open_head(SHIPPED_HEAD, checkpoint)
    if smoothing_s is not None:
        raise UserError("--smoothing_s and --temporal_head do the same; choose one")
    return open_head(SHIPPED_HEAD if name == "default" else name)


def open_head(path: str | Path) -> TemporalHead:
    """Opens a temporal head; it runs on one thread of the CPU.

    Raises:
        EngineError: The file is missing or can't be run.
        ManifestError: It isn't a head, or contradicts its manifest.
    """
    path = at_home(path)
    if Path(path).suffix != ".onnx":
        raise EngineError(
            f"--temporal_head {path}: must be the .onnx file of {in_checkout('export.temporal')}"
        )
    head = _open_head(path)
    assert head is not None  # it was asked for whatever it was fitted to
    return head


def _open_head(path: str | Path, checkpoint: str | None = None) -> TemporalHead | None:
    """Opens a head; None where it wasn't fitted to the checkpoint of this hash."""

    def use(package: ModelPackage) -> TemporalHead | None:
        if checkpoint is not None:
            model = package.manifest.metrics.get("model")
            if not isinstance(model, Mapping) or model.get("sha256") != checkpoint:
                return None
        network = package.network()
        try:
            return TemporalHead(network, package.manifest, path)
        except BaseException:
            network.close()
            raise

    try:
        return use_package(path, use)
    except NoManifestError as error:
        raise ManifestError(
            f"--temporal_head {path}: no manifest; make it with {in_checkout('export.temporal')}"
        ) from error
