"""What the capture stage makes of sources' frames."""

import time
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest

from runtime import Pipeline, StageError
from runtime.errors import Unreachable
from runtime.messages import Frame
from runtime.pipeline.capture import CaptureStage
from runtime.pipeline.config import DetectorConfig, EngineConfig, PipelineConfig
from runtime.sources.config import SourceConfig
from runtime.sources.deferred import DeferredSource
from runtime.sources.group import SourceGroup
from runtime.support.backoff import Retry
from runtime.support.mailbox import Mailbox
from runtime.support.threads import Stages
from runtime.telemetry.metrics import Metrics
from runtime.vision.picture import Picture
from tests.support.fakes import Brain, Finder, Pictures


def captured(source, stream=0):
    """The frames of a source, as the stage puts them into its mailbox, and the metrics."""
    sources = [*[Pictures(0)] * stream, source]
    group, frames, metrics = SourceGroup(sources), Mailbox(100), Metrics(sources)
    stage = CaptureStage(group, frames, Stages(), metrics)
    stage.run(stream)
    frames.close()
    return list(frames), metrics


def test_frames_are_numbered_stamped_and_named():
    before = time.monotonic()
    frames, metrics = captured(Pictures(5), stream=2)
    assert [frame.index for frame in frames] == list(range(5))
    assert {frame.stream for frame in frames} == {2}
    assert {frame.source for frame in frames} == {"pictures"}
    assert all(before <= frame.captured <= time.monotonic() for frame in frames)
    assert metrics.summary()["streams"][2]["state"] == "ended"


def test_what_a_source_says_itself_stays():
    at = datetime(2026, 1, 2, tzinfo=timezone.utc)

    class Stamping(Pictures):
        def read(self):
            frame = super().read()
            return frame and replace(frame, captured=7.0, at=at, source="door")

    frames, _ = captured(Stamping(2))
    assert {(frame.captured, frame.at, frame.source) for frame in frames} == {(7.0, at, "door")}


def test_conversion_belongs_to_this_stage(monkeypatch):
    made = []

    to_bgr = Picture._make_bgr
    monkeypatch.setattr(Picture, "_make_bgr", lambda self: made.append(1) or to_bgr(self))
    frames, _ = captured(Pictures(4))
    assert len(made) == len(frames) == 4


def test_what_cant_be_converted_costs_its_frame_alone(caplog):
    class Odd(Pictures):
        def read(self):
            frame = super().read()
            if frame and self.index == 2:
                return replace(frame, picture=Picture(np.zeros((4, 4, 2), np.uint8)))
            return frame

    frames, metrics = captured(Odd(5))
    assert [frame.index for frame in frames] == [0, 2, 3, 4]
    assert metrics.summary()["dropped"] == 1
    assert "a frame is passed over: capture, frame 1: a picture must have" in caplog.text


@pytest.mark.parametrize("given", [(np.zeros((4, 4, 3), np.uint8), 0.0, ""), "frame", 7])
def test_what_is_no_frame_is_named(given):
    class Old(Pictures):
        def read(self):
            return given

    with pytest.raises(StageError, match=r"capture, frame 0: .*must give a Frame or None"):
        list(Pipeline([Old(5)], Brain(), Finder()))


def test_a_frame_may_be_given_twice():
    """A source of stills may repeat one; each gets its own number."""
    still = Frame(Picture(np.zeros((48, 64, 3), np.uint8)), 0.0)

    class Still(Pictures):
        def read(self):
            return still if super().read() else None

    frames, _ = captured(Still(3))
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert still.index == 0


def test_the_first_result_after_a_loss_says_so_whatever_was_dropped():
    class Lost(Pictures):
        def read(self):
            frame = super().read()
            counts = [0, 0, 1, 1, 1, 3, 3]
            return frame and replace(frame, reconnects=counts[self.index - 1])

    class FailsOnce(Finder):
        def detect(self, picture, regions=None, scale=1.0):
            if self.calls == 2:  # the first after the loss
                self.calls += 1
                raise ValueError("detector broke")
            return super().detect(picture, regions, scale)

    results = list(Pipeline([Lost(7)], Brain(), FailsOnce(), detect_interval_s=0))
    assert [result.frame for result in results] == [0, 1, 3, 4, 5, 6]
    assert [result.to_dict().get("reconnect") for result in results] == [
        *(None, None, 1, None, 3, None)
    ]


def test_a_source_of_the_callers_own_is_turned():
    config = PipelineConfig(
        (SourceConfig(Pictures(2), rotate=90),),
        DetectorConfig(Finder()),
        EngineConfig(Brain()),
    )
    results = list(Pipeline(config))
    assert {result.image.shape for result in results} == {(240, 48, 3)}


def test_a_file_that_is_there_only_later_loses_nothing():
    class SlowFinder(Finder):
        def detect(self, picture, regions=None, scale=1.0):
            time.sleep(0.005)  # longer than reading takes
            return super().detect(picture, regions, scale)

    tries = []

    def open_():
        tries.append(1)
        if len(tries) < 3:
            raise Unreachable("still away")
        return Pictures(40)

    later = DeferredSource("later", open_, Unreachable("away"), Retry(60, wait=lambda _: False))
    pipeline = Pipeline([later], Brain(), SlowFinder(), detect_interval_s=0)
    assert [result.frame for result in pipeline] == list(range(40))
    assert pipeline.metrics.summary()["dropped"] == 0


def test_frames_have_the_number_of_their_shot():
    scenes = [np.random.default_rng(seed).integers(0, 255, (6, 8, 3)) for seed in (0, 1)]
    images = [scene.astype(np.uint8).repeat(20, axis=0).repeat(20, axis=1) for scene in scenes]

    class Cuts(Pictures):
        def read(self):
            frame = super().read()
            return frame and replace(frame, picture=Picture(images[self.index > 5]))

    frames, _ = captured(Cuts(10))
    assert [frame.shot for frame in frames] == [0] * 5 + [1] * 5
