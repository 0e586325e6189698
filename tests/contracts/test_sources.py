"""What every source keeps to, whoever wrote it."""

import math
import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.harness.synthetic import PacedCamera, SyntheticVideo
from runtime.errors import SourceError, Unreachable
from runtime.messages import Frame
from runtime.pipeline.pipeline import Pipeline
from runtime.sources.config import SourceConfig
from runtime.sources.decoders.opencv import has_gstreamer
from runtime.sources.deferred import DeferredSource
from runtime.sources.factory import open_source
from runtime.sources.group import open_group
from runtime.support.backoff import Retry
from runtime.vision.picture import Picture
from tests.conftest import write_video
from tests.support.fakes import Brain, Finder, Pictures
from tests.support.streams import Server, jpegs

#: Sources that have no end of their own; each gives at least so many frames.
ENDLESS, FRAMES = {"network", "gstreamer", "camera", "deferred", "paced"}, 6


class Arrays:
    """A source as a user writes one, from the docstring of `Source`."""

    name, live, fps = "arrays", False, 25.0

    def __init__(self, arrays):
        self._frames = (Frame(Picture(a), i / self.fps) for i, a in enumerate(arrays))

    def read(self):
        return next(self._frames, None)

    def interrupt(self): ...

    def close(self): ...


def arrays(count=FRAMES):
    return [np.full((48, 64, 3), 10 * i, np.uint8) for i in range(count)]


KINDS = [
    "file",
    "pictures",
    "animation",
    "pages",
    "demo",
    "network",
    pytest.param(
        "gstreamer",
        marks=pytest.mark.skipif(
            not has_gstreamer(), reason="needs an OpenCV with GStreamer, such as a Jetson's"
        ),
    ),
    pytest.param(
        "camera",
        marks=pytest.mark.skipif(
            not Path("/dev/video0").exists(), reason="needs a camera at /dev/video0"
        ),
    ),
    "deferred",
    "member",
    "own",
    "synthetic",
    "paced",
    "fake",
]


@pytest.fixture(params=KINDS)
def kind(request):
    """A kind of source."""
    return request.param


@pytest.fixture
def source(kind, tmp_path):
    """An open source of the kind."""
    with ExitStack() as stack:
        opened = make(kind, tmp_path, stack)
        stack.callback(opened.close)
        yield opened


def make(kind, folder, stack):
    if kind == "file":
        return open_source(str(write_video(folder / "clip.avi", arrays(), codec="MJPG")))
    if kind == "pictures":
        for number, image in enumerate(arrays()):
            cv2.imwrite(str(folder / f"{number}.png"), image)
        return open_source(str(folder))
    if kind in ("animation", "pages"):
        first, *rest = [Image.fromarray(image) for image in arrays()]
        path = folder / ("a.webp" if kind == "animation" else "a.tif")
        first.save(path, save_all=True, append_images=rest)
        return open_source(str(path))
    if kind == "demo":
        return open_source("demo")
    if kind == "network":
        return open_source(stack.enter_context(Server(jpegs(64, 48))).url)
    if kind == "gstreamer":
        return open_source("gst:videotestsrc ! videoconvert ! video/x-raw,format=BGR ! appsink")
    if kind == "camera":
        return open_source("0")
    if kind == "deferred":
        url = stack.enter_context(Server(jpegs(64, 48))).url
        return DeferredSource("door", lambda: open_source(url), Unreachable("no"), Retry(60))
    if kind == "member":
        clip = write_video(folder / "clip.avi", arrays(), codec="MJPG")
        configs = [SourceConfig(str(clip)), SourceConfig("no_such.mp4")]
        group = open_group(configs, open_source, lambda source: source)
        with pytest.raises(SourceError, match="no such file"):
            group.sources[1].read()
        return group.sources[0]
    if kind == "own":
        return Arrays(arrays())
    if kind == "synthetic":
        return SyntheticVideo(arrays(), FRAMES)
    if kind == "paced":
        return PacedCamera(SyntheticVideo(arrays(), 1000), 100.0)
    return Pictures(FRAMES)


def test_it_says_what_it_is(source):
    assert isinstance(source.name, str)
    assert source.name
    assert "secret" not in source.name, "the URL's password"
    assert isinstance(source.live, bool)
    assert math.isfinite(source.fps)
    assert source.fps > 0


def test_it_gives_frames_whose_time_rises(source):
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    frames = [source.read() for _ in range(FRAMES)]
    times = [frame.time_s for frame in frames]
    assert times == sorted(set(times))
    assert times[0] >= 0
    for frame in frames:
        assert isinstance(frame, Frame)
        image = frame.picture.bgr()
        assert image.dtype == np.uint8
        assert image.shape == (frame.picture.height, frame.picture.width, 3)
        assert before <= frame.at <= datetime.now(timezone.utc)


def test_frames_keep_their_pixels_while_later_ones_come(source):
    first = source.read()
    image = first.picture.bgr()
    kept = image.copy()
    later = [source.read() for _ in range(3)]
    for frame in later:
        frame.picture.bgr()
    np.testing.assert_array_equal(image, kept)
    # Also where they are converted only then.
    more = [source.read() for _ in range(2)]
    shapes = [frame.picture.bgr().shape for frame in more]
    assert shapes == [image.shape] * 2


def test_what_has_an_end_ends_and_stays_so(source, kind):
    if kind in ENDLESS:
        assert all(source.read() is not None for _ in range(3 * FRAMES))
        return
    count = 0
    while source.read() is not None:
        count += 1
    assert count == (300 if kind == "demo" else FRAMES)
    assert source.read() is None


def test_an_interrupt_ends_what_waits(source, kind):
    assert source.read() is not None
    source.interrupt()
    source.interrupt()
    began = time.monotonic()
    if kind in ("network", "deferred"):
        while source.read() is not None:  # what was on its way may still come
            assert time.monotonic() - began < 20
    assert time.monotonic() - began < 20


def test_it_can_be_closed_twice_and_unread(source):
    source.close()
    source.close()


def test_the_pipeline_numbers_and_names_its_frames(source, kind):
    with Pipeline([source], Brain(), Finder(), detect_interval_s=0) as pipeline:
        results = []
        for result in pipeline:
            results.append(result)
            if len(results) == FRAMES:
                break
    numbers = [result.frame for result in results]
    assert numbers == sorted(set(numbers))
    if not source.live:
        assert numbers == list(range(FRAMES))
    assert {result.stream for result in results} == {0}
    assert {result.source for result in results} == {source.name}
    assert all(result.at is not None for result in results)
    assert all(bool(result.name) == (kind == "pictures") for result in results)
