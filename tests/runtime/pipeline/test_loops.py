"""The loops between the mailboxes, each run alone."""

from __future__ import annotations

import numpy as np
import pytest

from runtime import Pipeline
from runtime.messages import Face, Frame, FrameResult, TrackedFrame
from runtime.pipeline.config import LatencyConfig, PipelineConfig
from runtime.pipeline.detection import DetectionStage
from runtime.pipeline.keywords import config_of
from runtime.pipeline.load_shedding import LoadShedding
from runtime.pipeline.loops import DetectionLoop, RecognitionLoop
from runtime.pipeline.parts import Parts
from runtime.sources.config import SourceConfig
from runtime.support.mailbox import Closed, Mailbox
from runtime.telemetry.metrics import Metrics
from runtime.vision.picture import Picture
from tests.support.fakes import Brain, Finder, Pictures


def frame(index: int) -> Frame:
    picture = Picture(np.full((48, 64, 3), 90, np.uint8))
    return Frame(picture, index / 30, index=index, source="here", captured=1.0)


@pytest.fixture
def parts():
    return Parts(config_of([Pictures(9)], Brain(), Finder()))


def detect(parts: Parts, count: int) -> Mailbox[TrackedFrame]:
    """The frames with their tracks, in a mailbox that is closed."""
    metrics, frames = Metrics(parts.group.sources), Mailbox[Frame](count)
    tracked: Mailbox[TrackedFrame] = Mailbox(count)
    for index in range(count):
        frames.put(frame(index))
    frames.close()
    stage = DetectionStage(parts.detector, 1, 0.0, metrics)
    loop = DetectionLoop(stage, parts.group, metrics, LoadShedding(None), frames, tracked)
    loop.run()
    loop.ended()
    return tracked


def test_frames_go_through_in_order_and_the_end_is_passed_on(parts):
    tracked = detect(parts, 4)
    assert [item.frame.index for item in tracked] == [0, 1, 2, 3]
    with pytest.raises(Closed):
        tracked.put(TrackedFrame(frame(5), ()))


@pytest.mark.parametrize("look_ahead_s", [0.0, 10.0])
def test_results_tell_where_and_when_and_what_is_held_back_comes_at_the_end(parts, look_ahead_s):
    tracked, results = detect(parts, 4), Mailbox[FrameResult](9)
    config = PipelineConfig(
        (SourceConfig("demo"),), latency=LatencyConfig(look_ahead_s=look_ahead_s)
    )
    metrics = Metrics(parts.group.sources)
    loop = RecognitionLoop(
        parts.recognition, parts.group, metrics, LoadShedding(None), tracked, results, config
    )
    loop.run()
    assert len(results) == (0 if look_ahead_s else 4)
    loop.ended()
    got = list(results)
    assert [result.frame for result in got] == [0, 1, 2, 3]
    assert {result.source for result in got} == {"here"}
    assert all(result.at is not None and result.faces for result in got)
    assert "classify" in metrics.totals()


class Outside:
    """Finds a face that reaches outside of the picture, and one that is wholly outside."""

    def detect(self, picture, regions=None, scale=1.0):
        return [Face((-8.0, 8.0, 20.0, 60.0), 0.9), Face((250.0, 8.0, 270.0, 40.0), 0.9)]

    def close(self):
        """Holds nothing."""


@pytest.mark.parametrize("interval_s", [0.0, 0.1])
@pytest.mark.parametrize("raw", [False, True])
def test_boxes_end_where_the_picture_does(raw, interval_s):
    found = list(
        Pipeline(
            [Pictures(9)], Brain(), Outside(), temporal_head="none", raw_boxes=raw,
            detect_interval_s=interval_s,
        )
    )  # fmt: skip
    boxes = [[face.box for face in result.faces] for result in found]
    if raw:
        assert boxes == [[(-8.0, 8.0, 20.0, 60.0), (250.0, 8.0, 270.0, 40.0)]] * 9
    else:
        assert boxes == [[(0.0, 8.0, 20.0, 48.0)]] * 9
    # Who hides faces hides all of them, detected or predicted.
    both = {(-8.0, 8.0, 20.0, 60.0), (250.0, 8.0, 270.0, 40.0)}
    assert all(both <= set(result.regions) for result in found)
