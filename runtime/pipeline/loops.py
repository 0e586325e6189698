"""The loops of the stages after the capture, from one mailbox to the next."""

from __future__ import annotations

import time
from collections.abc import Sequence

from runtime.messages import EmotionResult, Frame, FrameResult, TrackedFrame
from runtime.pipeline.batching import Batcher
from runtime.pipeline.config import PipelineConfig
from runtime.pipeline.detection import DetectionStage
from runtime.pipeline.failed_frames import FailedFrames
from runtime.pipeline.load_shedding import LoadShedding
from runtime.pipeline.look_ahead import LookAhead
from runtime.pipeline.recognition import RecognitionStage
from runtime.sources.group import SourceGroup
from runtime.support.mailbox import Closed, Mailbox, pass_end
from runtime.telemetry.metrics import Metrics


class DetectionLoop:
    """Frames -> frames with their tracks."""

    def __init__(
        self,
        detection: DetectionStage,
        group: SourceGroup,
        metrics: Metrics,
        load_shedding: LoadShedding,
        frames: Mailbox[Frame],
        tracked: Mailbox[TrackedFrame],
    ) -> None:
        """Does nothing yet.

        Args:
            detection: Finds the faces and tracks them.
            group: The sources, of which one fails with its frames.
            metrics: Counts the frames that fail.
            load_shedding: Says how much work a frame is worth.
            frames: Where frames come from.
            tracked: Where they go.
        """
        self._detection, self._group = detection, group
        self._metrics, self._load_shedding = metrics, load_shedding
        self._frames, self._tracked = frames, tracked

    def run(self) -> None:
        """Runs until the frames end."""
        failures = FailedFrames("detect", self._group, self._metrics)
        for frame in self._frames:
            try:
                tracked = self._detection.track(frame, self._load_shedding.level)
            except Exception as error:  # of a detector: the next frame may be good
                failures.add(frame.stream, frame.index, error)
                continue
            if tracked.detected:
                failures.worked(frame.stream)
            self._tracked.put(tracked, frame.stream)
        failures.end()

    def ended(self) -> None:
        """Tells the stages beside it, however it ended."""
        pass_end(self._frames, self._tracked)


class RecognitionLoop:
    """Frames with their tracks -> results, the faces of several frames in one go."""

    def __init__(
        self,
        recognition: RecognitionStage,
        group: SourceGroup,
        metrics: Metrics,
        load_shedding: LoadShedding,
        tracked: Mailbox[TrackedFrame],
        results: Mailbox[FrameResult],
        config: PipelineConfig,
    ) -> None:
        """Does nothing yet.

        Args:
            recognition: Reads the faces.
            group: The sources, of which one fails with its frames.
            metrics: Gets the times of `classify`.
            load_shedding: Is told of latencies, and says how much work a frame is worth.
            tracked: Where frames come from.
            results: Where their results go.
            config: How large batches are, and how long results are held back.
        """
        self._recognition, self._group = recognition, group
        self._metrics, self._load_shedding = metrics, load_shedding
        self._tracked, self._results = tracked, results
        self._engine = config.engine
        #: How often each stream's source had come back by its last result.
        self._reconnects: dict[int, int] = {}
        self._raw_boxes = config.detector.raw_boxes
        seconds, sources = config.latency.look_ahead_s, group.sources
        self._held = [LookAhead(seconds, len(sources)) for _ in sources] if seconds else None

    def run(self) -> None:
        """Runs until the frames end."""
        failures = FailedFrames("classify", self._group, self._metrics)
        batcher: Batcher[TrackedFrame] = Batcher(
            self._engine.max_batch, self._engine.max_wait_s, time.monotonic
        )
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

    def ended(self) -> None:
        """Tells the stages beside it, however it ended: what is held back still comes out."""
        try:
            self._flush(ended_only=False)
        except Closed:
            pass  # nobody reads any more
        finally:
            pass_end(self._tracked, self._results)

    def _emit(self, batch: list[TrackedFrame], failures: FailedFrames) -> None:
        """Recognises the faces of some frames in one go and sends the results on."""
        with self._metrics.time("classify"):
            found = self._recognize(batch, failures)
        readable = sum(track.seen for item in batch for track in item.tracks)
        for item, faces in found:
            frame = item.frame
            live = self._group.sources[frame.stream].live
            latency = (time.monotonic() - frame.captured) * 1e3
            # What waits in a file's own queue is no lag of anything.
            if live:
                self._load_shedding.observe(latency, readable)
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
                reconnect=self._reconnect(frame),
                duration_s=frame.duration_s,
                zones=item.zones,
            )
            if not self._raw_boxes:
                result = result.inside()
            if self._held is None or live:
                self._results.put(result)
                continue
            for ready in self._held[frame.stream].add(result, item.sightings):
                self._results.put(ready)
        self._flush(ended_only=True)

    def _reconnect(self, frame: Frame) -> int:
        """How often a frame's source has come back, in the first result after each time."""
        before = self._reconnects.get(frame.stream, 0)
        self._reconnects[frame.stream] = frame.reconnects
        return frame.reconnects if frame.reconnects != before else 0

    def _flush(self, ended_only: bool) -> None:
        """Sends on what is held back of streams, or only of those that have ended."""
        for stream, held in enumerate(self._held or ()):
            if not (ended_only and self._group.is_running(stream)):
                for ready in held.flush():
                    self._results.put(ready)

    def _recognize(
        self, batch: Sequence[TrackedFrame], failures: FailedFrames
    ) -> list[tuple[TrackedFrame, tuple[EmotionResult, ...]]]:
        """Frames with their faces; where a batch fails, each frame alone."""
        try:
            found = self._recognition.recognize(batch, self._load_shedding.level.faces)
        except Exception as error:  # of an engine: another frame may be good
            if len(batch) > 1:
                return [pair for item in batch for pair in self._recognize([item], failures)]
            failures.add(batch[0].frame.stream, batch[0].frame.index, error)
            return []
        for item in batch:
            if any(track.seen for track in item.tracks):
                failures.worked(item.frame.stream)
        return list(zip(batch, found, strict=True))
