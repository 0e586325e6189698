"""The threads: capture -> detect and track -> classify and smooth -> the caller.

Each stage is a thread that owns its state and talks to the next through a mailbox.
The first error ends the capture, what is finished still comes out, and then the
error is raised where the results are read. Of several sources one may fail alone;
it is logged, and the others go on.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.detectors.base import Detector
from runtime.detectors.catalogue import FACE_SCORE
from runtime.engines.base import Engine
from runtime.errors import StageError
from runtime.messages import Frame, FrameResult, TrackedFrame
from runtime.pipeline.capture import CaptureStage
from runtime.pipeline.config import PipelineConfig
from runtime.pipeline.detection import DetectionStage
from runtime.pipeline.keywords import AnySource, PipelineKeywords, config_of
from runtime.pipeline.load_shedding import LoadShedding
from runtime.pipeline.loops import DetectionLoop, RecognitionLoop
from runtime.pipeline.parts import Parts
from runtime.sources.base import Source
from runtime.support.deferred_call import DeferredCall
from runtime.support.mailbox import Closed, Mailbox
from runtime.support.process import OwnProcess
from runtime.support.threads import Stages, in_thread, results_of
from runtime.telemetry.metrics import Metrics
from runtime.vision.zones import open_zones

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = logging.getLogger(__name__)

#: Frames waiting between two stages; more would only add delay.
_CAPACITY = 1

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

    In asyncio it is `async with` and `async for`: the event loop goes on meanwhile.
    """

    def __init__(
        self,
        sources: PipelineConfig | AnySource | Sequence[AnySource] = ("0",),
        engine: str | Path | Engine = "default",
        detector: str | Detector = "centerface",
        **keywords: Unpack[PipelineKeywords],
    ) -> None:
        """Opens everything; threads start with the first result asked for.

        Args:
            sources: All of a configuration, alone; or what `open_source` takes, one or
                several, or sources of the caller's own.
            engine: What `open_engine` takes, or an engine.
            detector: What `open_detector` takes, or a detector.
            keywords: Settings of `PipelineConfig` by flat names, see `PipelineKeywords`.

        Raises:
            UserError: A model or option is wrong, or no source can be opened; nothing
                stays open.
            TypeError: A keyword is unknown, or stands beside a configuration.
        """
        if isinstance(sources, PipelineConfig):
            if keywords or engine != "default" or detector != "centerface":
                raise TypeError("a Pipeline takes a PipelineConfig alone: put all into it")
            config = sources
        else:
            config = config_of(sources, engine, detector, **keywords)
        self.config = config
        self._process = OwnProcess("Pipeline")
        self._lock = threading.RLock()
        self._zones = [open_zones(source.zones) for source in config.sources]
        self._parts = Parts(config)
        self.engine: Engine = self._parts.engine
        self._group = self._parts.group
        self.sources: Sequence[Source] = self._group.sources
        #: Counts and times, the same object for the pipeline's whole life.
        self.metrics = Metrics(self.sources)
        target_s, interval_s = config.latency.target_s, config.detector.interval_s
        self.load_shedding = LoadShedding(
            # It and its figures count in milliseconds, as results do.
            None if target_s is None else round(target_s * 1e3, 6),
            sheds_detections=interval_s is not None,
        )
        #: Called on the reading thread, ten times a second, while no result comes.
        self.on_wait: Callable[[], None] | None = None
        self._frames: Mailbox[Frame] = Mailbox(_CAPACITY)
        self._tracked: Mailbox[TrackedFrame] = Mailbox(_CAPACITY)
        self._results: Mailbox[FrameResult] = Mailbox(_CAPACITY)
        self._stages = Stages()
        self._stopping = DeferredCall("stop", self._end_capture)
        self._used = False
        self._closed = False
        self._end_by: float | None = None
        self._hung: StageError | None = None

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Pipeline:
        return self

    async def __aexit__(self, *_: object) -> None:
        await in_thread(self.close)

    def __aiter__(self) -> AsyncIterator[FrameResult]:
        """As `__iter__`, for `async for`; a task that is cancelled closes the pipeline too."""
        return results_of(self, self.close)

    def __reduce__(self) -> str | tuple[object, ...]:
        self._process.refuse_copy()

    def __iter__(self) -> Iterator[FrameResult]:
        """Yields results until the sources end; can be run once.

        Leaving the loop in any way closes the pipeline.

        Raises:
            StageError: A stage failed, or every source did; its cause is the original error.
                Or one didn't end when it was asked to (a source may take its time).
            RuntimeError: The pipeline was run or closed before, or made before a fork.
        """
        self._claim()
        if self.config.max_frames == 0:
            self.close()
            return
        self._start()
        try:
            for count, result in enumerate(self._wait_for_results(), start=1):
                self.metrics.result(len(result.faces), result.latency_ms, result.stream or 0)
                yield result
                if count == self.config.max_frames:
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
        """Asks for the capture's end; what is on its way still comes out.

        Returns at once. Safe in a signal handler, which must not wait for a lock.
        """
        self._stopping.ask()

    def close(self) -> None:
        """Ends the threads and frees sources and models; can be called again.

        What a thread still uses after 1.5 seconds stays open until a later
        call finds the thread ended. In a fork of its process nothing is touched.
        """
        if self._process.left:
            return
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._used = True
        atexit.unregister(self.close)
        self._end_capture()
        self._stopping.close(_HEAR_S)
        for box in (self._frames, self._tracked, self._results):
            box.close(discard=True)
        # A moment for those that only now hear of it.
        hanging = self._stages.join(max(self._left_s(), 0.0 if self._closed else _HEAR_S))
        if not hanging:
            self._parts.free()
        # The loop's end and the `with` both come here: one message is enough.
        if not self._closed:
            for name in hanging:
                log.warning("%s did not end within %g s", name, _JOIN_S)
            # A source may take its time, and the stages after one that hangs only wait.
            first = next((name for name in hanging if name != "capture"), None)
            if first is not None and not self._is_slow(first):
                cause = TimeoutError(f"hangs: did not end within {_JOIN_S:g} s")
                self._hung = StageError(first, None, cause)
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

    def _end_capture(self) -> None:
        """Ends the capture; takes locks, and so is nothing for a signal handler."""
        self._stages.stop()
        self._group.interrupt()
        self._frames.close()

    def _claim(self) -> None:
        """Takes the only run there is."""
        self._process.check()
        with self._lock:
            if self._used:
                raise RuntimeError("a Pipeline runs once: make a new one")
            self._used = True

    def _start(self) -> None:
        # Threads inside of libraries would abort a process that ends under them.
        atexit.register(self.close)
        self.metrics.start(self.sources)
        parts, group, detector = self._parts, self._group, self.config.detector
        # What may be no face is none, whichever detector gives it.
        face_score = FACE_SCORE if detector.regions_score < FACE_SCORE else 0.0
        detection = DetectionStage(
            parts.detector,
            len(self.sources),
            detector.interval_s,
            self.metrics,
            face_score,
            detector.min_face,
            self._zones,
        )
        both = (group, self.metrics, self.load_shedding)
        capture = CaptureStage(group, self._frames, self._stages, self.metrics)
        detect = DetectionLoop(detection, *both, self._frames, self._tracked)
        recognize = RecognitionLoop(
            parts.recognition, *both, self._tracked, self._results, self.config
        )
        self._stopping.start()
        spawn = self._stages.spawn
        for stream in range(len(self.sources)):
            spawn("capture", partial(capture.run, stream), partial(capture.ended, stream))
        spawn("detect", detect.run, detect.ended)
        spawn("classify", recognize.run, recognize.ended)

    def _wait_for_results(self) -> Iterator[FrameResult]:
        """Results until the last stage ends, or hangs for too long after a stop."""
        while True:
            self._process.check()  # a fork has no thread that would give one
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
