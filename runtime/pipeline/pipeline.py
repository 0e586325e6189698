"""The threads: capture -> detect and track -> classify and smooth -> the caller.

Each stage is a thread (stages.py) that owns its state and talks to the next
through a mailbox. The first error ends the capture, what is finished still
comes out, and then the error is raised where the results are read. Of several
sources one may fail alone; it is logged, and the others go on.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from runtime.detectors.base import Detector
from runtime.detectors.factory import open_detector
from runtime.emotion.classifier import Classifier
from runtime.emotion.temporal import TemporalHead, choose_head
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.errors import SourceError, StageError
from runtime.messages import EmotionResult, Frame, FrameResult, TrackedFrame
from runtime.pipeline.batching import Batcher
from runtime.pipeline.capture import CaptureStage
from runtime.pipeline.detection import DetectionStage
from runtime.pipeline.failed_frames import FailedFrames
from runtime.pipeline.load_shedding import LoadShedding
from runtime.pipeline.look_ahead import LookAhead
from runtime.pipeline.recognition import RecognitionStage
from runtime.sources.base import Source
from runtime.sources.factory import open_source
from runtime.sources.group import open_group
from runtime.support.mailbox import Closed, Mailbox, pass_end
from runtime.support.net.tls import Tls
from runtime.support.threads import Stages
from runtime.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_Closable = TypeVar("_Closable", Source, Engine, Detector, TemporalHead)

#: Frames waiting between two stages; more would only add delay.
_CAPACITY = 1

#: Detector's score from which something is a face.
FACE_SCORE = 0.4

#: Longest wait for the threads to end, in seconds; a stream's own limits are longer,
#: and whoever pressed Ctrl-C should be out within three.
_JOIN_S = 1.5

#: Least wait for them, in seconds, where that time is over.
_HEAR_S = 0.3

#: Time between two calls of `on_wait` while no result comes, in seconds.
_POLL_S = 0.1


class Pipeline:
    """Runs sources through detection, tracking and emotion recognition.

    A context manager and an iterator of `FrameResult`s; each stream's results
    come in order. Files are read without loss; live sources drop the oldest
    waiting frame and count it.

        with Pipeline(["clip.mp4"]) as pipeline:
            for result in pipeline:
                ...
    """

    def __init__(
        self,
        sources: str | Path | Sequence[str | Path | Source] = ("0",),
        engine: str | Path | Engine = "default",
        detector: str | Detector = "centerface",
        *,
        detector_model: str | None = None,
        detect_size: int = 320,
        detect_interval_s: float | None = 0.05,
        provider: str = "cpu",
        threads: int = 1,
        rebuild: bool = False,
        max_batch: int = 16,
        max_wait_ms: float = 0.0,
        smoothing_s: float | None = None,
        temporal_head: str | Path = "auto",
        latency_target_ms: float | None = None,
        max_frames: int | None = None,
        reconnect_s: float = math.inf,
        regions_score: float = FACE_SCORE,
        tls: Sequence[Tls] = (),
        look_ahead_s: float = 0.0,
    ) -> None:
        """Opens everything; threads start with the first result asked for.

        Args:
            sources: What `open_source` takes, one or several, or sources of the
                caller's own.
            engine: What `open_engine` takes, or an engine.
            detector: What `open_detector` takes, or a detector.
            detector_model: File of the detector.
            detect_size: Longer side of what the detector sees, in pixels.
            detect_interval_s: Media time between two detections in
                seconds; in between, tracks go on where they were heading and
                keep their labels. 0 searches every frame, None also where a
                latency target would save it: a new face is never missed.
            provider: Where the emotion model runs, as `open_engine` takes it.
            threads: Threads inside each network; one is best on two cores.
            rebuild: Build a plan that doesn't suit this machine again.
            max_batch: Most faces in one run of the engine.
            max_wait_ms: How long a batch may wait for more faces.
            smoothing_s: Time constant of the labels' average in seconds (0.25 where
                there is no head); given, it takes the place of `auto`'s head.
            temporal_head: What `choose_head` takes.
            latency_target_ms: Time from capture to result that 99% of frames
                shall keep to, by less work where it must be (`runtime.pipeline.load_shedding`).
            max_frames: Ends after so many results.
            reconnect_s: How long a camera or stream that is lost is tried again, in
                seconds: 0 for not at all, infinity for ever.
            regions_score: Detector's score from which `FrameResult.regions` holds
                something; faces and tracks are the same whatever it is.
            tls: Whom the connection of each source trusts, in their order; the
                system's authorities where that is shorter.
            look_ahead_s: Media time by which results of what isn't live are held back,
                so that their regions hold faces that are found only later
                (`runtime.pipeline.look_ahead`); nothing else of them changes.

        Raises:
            UserError: A model or option is wrong, or no source can be opened; nothing
                stays open.
        """
        if isinstance(sources, (str, Path)):
            sources = [sources]
        if not sources:
            raise SourceError("a pipeline needs a source; try demo")
        self._opened: list[Source | Engine | Detector | TemporalHead] = []
        try:
            # Models first: a camera's light shouldn't go on for a broken model.
            self.engine: Engine = (
                self._own(open_engine(engine, provider, threads, rebuild))
                if isinstance(engine, (str, Path))
                else engine
            )
            self._detector: Detector = (
                self._own(
                    open_detector(
                        detector,
                        detector_model,
                        detect_size,
                        min(FACE_SCORE, regions_score),
                        threads,
                        extents=regions_score < FACE_SCORE,
                    )
                )
                if isinstance(detector, str)
                else detector
            )
            head = choose_head(temporal_head, engine, smoothing_s)
            if head is not None:
                self._own(head)
            self._recognition = RecognitionStage(
                Classifier(self.engine, max_batch), len(sources), smoothing_s, head
            )
            self._group = open_group(sources, open_source, self._own, reconnect_s, tls)
        except BaseException:
            self._free()
            raise
        self.sources: Sequence[Source] = self._group.sources
        self.metrics = Metrics(self.sources)
        self.load_shedding = LoadShedding(
            latency_target_ms, sheds_detections=detect_interval_s is not None
        )
        #: Called on the reading thread, ten times a second, while no result comes.
        self.on_wait: Callable[[], None] | None = None
        self._detect_interval_s = detect_interval_s
        # Weak detections are no faces, whichever detector gives them.
        self._face_score = FACE_SCORE if regions_score < FACE_SCORE else 0.0
        self._max_batch = max_batch
        self._max_wait_s = max_wait_ms / 1e3
        self._max_frames = max_frames
        self._look_ahead = (
            [LookAhead(look_ahead_s, len(self.sources)) for _ in self.sources]
            if look_ahead_s
            else None
        )
        self._frames: Mailbox[Frame] = Mailbox(_CAPACITY)
        self._tracked: Mailbox[TrackedFrame] = Mailbox(_CAPACITY)
        self._results: Mailbox[FrameResult] = Mailbox(_CAPACITY)
        self._stages = Stages()
        self._used = False
        self._closed = False
        self._end_by: float | None = None
        self._hung: StageError | None = None

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[FrameResult]:
        """Yields results until the sources end; can be run once.

        Leaving the loop in any way closes the pipeline.

        Raises:
            StageError: A stage failed, or every source did; its cause is the original error.
                Or one didn't end when it was asked to (a source may take its time).
            RuntimeError: The pipeline was run or closed before.
        """
        self._start()
        try:
            for count, result in enumerate(self._wait_for_results(), start=1):
                self.metrics.result(len(result.faces), result.latency_ms, result.stream or 0)
                yield result
                if count == self._max_frames:
                    return
        finally:
            self.close()
        if self._stages.error is not None:
            raise self._stages.error
        if self._hung is not None:
            raise self._hung

    @property
    def error(self) -> StageError | None:
        """What a stage failed with, also before the reading thread is told."""
        return self._stages.error

    def stop(self) -> None:
        """Ends the capture; what is on its way still comes out. Safe in a signal handler."""
        self._stages.stop()
        self._group.interrupt()
        self._frames.close()

    def close(self) -> None:
        """Ends the threads and frees sources and models; can be called again.

        What a thread still uses after 1.5 seconds stays open until a later
        call finds the thread ended.
        """
        self._used = True
        self._stages.stop()
        self._group.interrupt()
        for box in (self._frames, self._tracked, self._results):
            box.close(discard=True)
        # A moment for those that only now hear of it.
        hanging = self._stages.join(max(self._left_s(), 0.0 if self._closed else _HEAR_S))
        if not hanging:
            self._free()
        # The loop's end and the `with` both come here: one line is enough.
        if not self._closed:
            for name in hanging:
                log.warning("%s did not end within %g s", name, _JOIN_S)
            # A source may take its time, and the stages after one that hangs only wait.
            first = next((name for name in hanging if name != "capture"), None)
            if first is not None and not self._is_slow(first):
                error = TimeoutError(f"hangs: did not end within {_JOIN_S:g} s")
                self._hung = StageError(first, None, error)
        self._closed = True

    def _is_slow(self, stage: str) -> bool:
        """Whether a stage's frames take so long that one at the end is no sign of a hang."""
        took = self.metrics.summary()["stages"].get(stage)
        return took is not None and took["p99"] / 1e3 > _JOIN_S / 3

    def _left_s(self) -> float:
        """What is left of the time to end in, which begins with the first call."""
        now = time.monotonic()
        self._end_by = self._end_by or now + _JOIN_S
        return max(0.0, self._end_by - now)

    def _start(self) -> None:
        if self._used:
            raise RuntimeError("a Pipeline runs once: make a new one")
        self._used = True
        self.metrics = Metrics(self.sources)
        self._detection = DetectionStage(
            self._detector,
            len(self.sources),
            self._detect_interval_s,
            self.metrics,
            self._face_score,
        )
        capture = CaptureStage(self._group, self._frames, self._stages, self.metrics)
        spawn = self._stages.spawn
        for stream in range(len(self.sources)):
            spawn("capture", partial(capture.run, stream), partial(capture.ended, stream))
        spawn("detect", self._detect, partial(pass_end, self._frames, self._tracked))
        spawn("classify", self._classify, self._end_classify)

    def _wait_for_results(self) -> Iterator[FrameResult]:
        """Results until the last stage ends, or hangs for too long after a stop."""
        while True:
            try:
                result = self._results.get(_POLL_S)
            except Closed:
                return
            if result is not None:
                yield result
                continue
            if self.on_wait is not None:
                self.on_wait()
            if self._stages.stopped and not self._left_s():
                return

    def _detect(self) -> None:
        failures = FailedFrames("detect", self._group, self.metrics)
        for frame in self._frames:
            try:
                tracked = self._detection.track(frame, self.load_shedding.level)
            except Exception as error:  # of a detector: the next frame may be good
                failures.add(frame.stream, frame.index, error)
                continue
            if tracked.detected:
                failures.worked(frame.stream)
            self._tracked.put(tracked, frame.stream)
        failures.end()

    def _classify(self) -> None:
        failures = FailedFrames("classify", self._group, self.metrics)
        batcher: Batcher[TrackedFrame] = Batcher(self._max_batch, self._max_wait_s, time.monotonic)
        for first in self._tracked:
            batcher.add(first, len(first.tracks))
            # Frames that are here already, or come in time, join in.
            while not batcher.full:
                try:
                    more = self._tracked.get(batcher.wait_s())
                except Closed:
                    break
                if more is None:
                    break
                batcher.add(more, len(more.tracks))
            self._emit(batcher.take(), failures)
        failures.end()

    def _emit(self, batch: list[TrackedFrame], failures: FailedFrames) -> None:
        """Recognises the faces of some frames in one go and sends the results on."""
        with self.metrics.time("classify"):
            found = self._recognize(batch, failures)
        readable = sum(track.seen for item in batch for track in item.tracks)
        for item, faces in found:
            frame = item.frame
            latency = (time.monotonic() - frame.captured) * 1e3
            # What waits in a file's own queue is no lag of anything.
            if self.sources[frame.stream].live:
                self.load_shedding.observe(latency, readable)
            result = FrameResult(
                stream=frame.stream,
                frame=frame.index,
                time_s=frame.time_s,
                image=frame.picture.bgr(),
                faces=faces,
                latency_ms=latency,
                name=frame.name,
                regions=item.regions,
                source=frame.source,
                at=frame.at,
            )
            if self._look_ahead is None or self.sources[frame.stream].live:
                self._results.put(result)
                continue
            for ready in self._look_ahead[frame.stream].add(result, item.sightings):
                self._results.put(ready)
        self._flush(ended_only=True)

    def _flush(self, ended_only: bool) -> None:
        """Sends on what is held back of streams, or only of those that have ended."""
        for stream, held in enumerate(self._look_ahead or ()):
            if not (ended_only and self._group.is_running(stream)):
                for ready in held.flush():
                    self._results.put(ready)

    def _end_classify(self) -> None:
        """Ends the stage, however it ended: what is held back still comes out."""
        try:
            self._flush(ended_only=False)
        except Closed:
            pass  # nobody reads any more
        finally:
            pass_end(self._tracked, self._results)

    def _recognize(
        self, batch: list[TrackedFrame], failures: FailedFrames
    ) -> list[tuple[TrackedFrame, tuple[EmotionResult, ...]]]:
        """Frames with their faces; where a batch fails, each frame alone."""
        try:
            found = self._recognition.recognize(batch, self.load_shedding.level.faces)
        except Exception as error:  # of an engine: another frame may be good
            if len(batch) > 1:
                return [pair for item in batch for pair in self._recognize([item], failures)]
            failures.add(batch[0].frame.stream, batch[0].frame.index, error)
            return []
        for item in batch:
            if any(track.seen for track in item.tracks):
                failures.worked(item.frame.stream)
        return list(zip(batch, found, strict=True))

    def _own(self, thing: _Closable) -> _Closable:
        self._opened.append(thing)
        return thing

    def _free(self) -> None:
        for thing in reversed(self._opened):
            thing.close()
        self._opened.clear()
