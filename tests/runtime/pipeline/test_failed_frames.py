"""One bad frame costs only itself; what never works again is an error."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from runtime import Pipeline, StageError
from runtime.errors import EngineError
from runtime.pipeline.failed_frames import FAILURES_IN_A_ROW
from runtime.vision.picture import Picture
from tests.support.fakes import Brain, Finder, Pictures


class Marked(Pictures):
    """A source whose frames say by their colour that they are bad."""

    def __init__(self, count, bad=(), fps=12.0):
        super().__init__(count, fps=fps)
        self.bad = bad

    def read(self):
        frame = super().read()
        if frame is not None and self.index - 1 in self.bad:
            frame.picture.bgr()[:] = 255
        return frame


class Choosy(Finder):
    """A detector that fails on bad frames."""

    def __init__(self, error, **kwargs):
        super().__init__(**kwargs)
        self.error = error

    def detect(self, picture, regions=None, scale=1.0):
        if picture.bgr()[0, 0, 0] == 255:
            raise self.error
        return super().detect(picture)


class ChoosyBrain(Brain):
    """An engine that fails on batches with a bad face in them."""

    def infer(self, batch, outputs=("logits",)):
        if (batch > 0.99).all((1, 2, 3)).any():
            raise EngineError("bad face")
        return super().infer(batch)


def frames(results, stream=0):
    return [r.frame for r in results if r.stream == stream]


@pytest.mark.parametrize(
    "error", [cv2.error("too large"), MemoryError(), ValueError("odd\x1b[2J"), ZeroDivisionError()]
)
def test_a_frame_that_the_detector_fails_on_is_passed_over(error, caplog):
    pipeline = Pipeline([Marked(40, {3, 9, 10, 30}), Marked(40)], Brain(), Choosy(error))
    results = list(pipeline)
    assert frames(results) == [i for i in range(40) if i not in {3, 9, 10, 30}]
    assert frames(results, 1) == list(range(40))
    assert all(len(r.faces) == 1 for r in results)
    assert caplog.text.count("a frame is passed over: detect, frame 3") == 1
    assert caplog.text.count("passed over") == 1
    assert "\x1b" not in caplog.text
    streams = pipeline.metrics.summary()["streams"]
    assert [s["dropped"] for s in streams] == [4, 0]
    assert [s["state"] for s in streams] == ["ended", "ended"]


def test_a_bad_face_does_not_cost_the_frames_of_its_batch(caplog):
    sources = [Marked(40, {5, 6, 20}), Marked(40)]
    pipeline = Pipeline(sources, ChoosyBrain(), Finder(), max_batch=64, max_wait_ms=20)
    results = list(pipeline)
    assert frames(results) == [i for i in range(40) if i not in {5, 6, 20}]
    assert frames(results, 1) == list(range(40))
    assert all(len(r.faces) == 1 for r in results)
    assert caplog.text.count("passed over: classify, frame 5: bad face") == 1


def test_a_picture_that_is_none_costs_only_itself(caplog):
    class Odd(Pictures):
        def read(self):
            frame = super().read()
            if frame and self.index in (3, 8):
                raise cv2.error("insufficient memory")
            if frame and self.index == 5:
                return replace(frame, picture=Picture(np.zeros((0, 4, 3), np.uint8)))
            if frame and self.index == 12:  # what it is shows only when it is converted
                return replace(frame, picture=Picture(np.zeros((4, 4, 2), np.uint8)))
            return frame

    pipeline = Pipeline([Odd(20), Pictures(20)], Brain(), Finder())
    results = list(pipeline)
    assert len(frames(results)) == 16
    assert frames(results, 1) == list(range(20))
    assert caplog.text.count("passed over") == 2  # one for each kind of error


def test_a_stream_that_always_fails_is_given_up_and_the_others_go_on(caplog):
    sources = [Marked(400, range(400)), Marked(400)]
    pipeline = Pipeline(sources, Brain(), Choosy(ValueError("odd")))
    results = list(pipeline)
    assert frames(results, 0) == []
    assert frames(results, 1) == list(range(400))
    streams = pipeline.metrics.summary()["streams"]
    assert [s["state"] for s in streams] == ["failed", "ended"]
    assert caplog.text.count("source 0 (pictures) failed: detect, frame 0: odd") == 1
    assert streams[0]["dropped"] < FAILURES_IN_A_ROW + 5


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("stage", ["capture", "detect", "classify"])
def test_what_fails_on_every_frame_ends_the_run_and_names_the_first(stage, streams):
    class Broken(Pictures):
        def read(self):
            raise ValueError("broke")

    brain = Brain(fail_at=0 if stage == "classify" else None)
    finder = Finder(fail_at=0 if stage == "detect" else None)
    kind = Broken if stage == "capture" else Pictures
    pipeline = Pipeline([kind(10_000) for _ in range(streams)], brain, finder)
    with pytest.raises(StageError, match="broke") as error:
        list(pipeline)
    assert (error.value.stage, error.value.frame) == (stage, 0)
    assert error.value.__cause__ is not None


@pytest.mark.parametrize("stage", ["detect", "classify"])
def test_a_short_source_on_which_nothing_works_is_an_error_too(stage):
    brain = Brain(fail_at=0 if stage == "classify" else None)
    finder = Finder(fail_at=0 if stage == "detect" else None)
    with pytest.raises(StageError, match=f"{stage}, frame 0: .* broke"):
        list(Pipeline([Pictures(4)], brain, finder))


def test_frames_between_the_detectors_runs_do_not_hide_that_it_fails():
    # At 100 frames a second four of five are predicted.
    with pytest.raises(StageError, match="detector broke"):
        list(Pipeline([Pictures(10_000, fps=100.0)], Brain(), Finder(fail_at=2)))


def test_failures_apart_never_add_up():
    bad = {i for i in range(300) if i % 3}
    results = list(Pipeline([Marked(300, bad)], Brain(), Choosy(ValueError("odd"))))
    assert frames(results) == list(range(0, 300, 3))
