"""GStreamer's sources; OpenCV from pip has none, so it is a fake where one is opened."""

import math
import platform
import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SourceError
from runtime.sources import gstreamer
from runtime.sources.config import SourceConfig
from runtime.sources.decoders import opencv as backend
from runtime.sources.factory import open_source
from runtime.sources.gstreamer import check_only_output, csi_pipeline, is_gstreamer
from runtime.support.redaction import shown_address
from runtime.vision.picture import Picture

BARS = "videotestsrc ! videoconvert ! appsink"


class Capture:
    ended, fps = False, 0.0

    def __init__(self, frames=0):
        self.frames = frames

    def read(self):
        return Picture(np.zeros((4, 4, 3), np.uint8)), 0.0

    def interrupt(self):
        pass

    def close(self):
        pass


@pytest.fixture
def opened(monkeypatch):
    """An OpenCV with GStreamer; what was opened."""
    asked = []

    def fake(address, kind, limited=False):
        assert limited
        asked.append((address, kind))
        return None if "broken" in address else Capture(50 if "filesrc" in address else 0)

    monkeypatch.setattr(gstreamer, "has_gstreamer", lambda: True)
    monkeypatch.setattr(gstreamer, "open_capture", fake)
    return asked


@pytest.mark.parametrize("spec", [f"gst:{BARS}", f"gst: {BARS}", BARS])
def test_a_pipeline_goes_to_gstreamer_as_it_stands(opened, spec):
    source = open_source(spec)
    assert opened == [(BARS, cv2.CAP_GSTREAMER)]
    assert source.live
    assert source.read().picture.bgr().shape == (4, 4, 3)
    source.close()


def test_a_pipeline_with_an_end_is_a_file(opened):
    assert not open_source("filesrc location=a.mp4 ! decodebin ! appsink").live


def test_a_csi_camera_goes_through_nvargus(opened, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    source = open_source("csi://1?width=1920&height=1080&fps=60&flip=2")
    pipeline = opened[0][0]
    assert "nvarguscamerasrc sensor-id=1 !" in pipeline
    assert "width=1920,height=1080,framerate=60/1" in pipeline
    assert "flip-method=2" in pipeline
    assert pipeline.endswith("appsink drop=true max-buffers=1 sync=false")
    assert source.name == "csi://1"
    assert csi_pipeline("csi://") == csi_pipeline("csi://0")
    asked = SourceConfig("csi://0", camera_size="640x480", camera_fps=15)
    assert csi_pipeline("csi://0", asked) == csi_pipeline("csi://0?width=640&height=480&fps=15")
    assert csi_pipeline("csi://0?width=800", asked) == csi_pipeline(
        "csi://0?width=800&height=480&fps=15"
    )


def test_a_csi_camera_away_from_a_jetson_is_refused(opened, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(SourceError, match="on a Jetson only"):
        open_source("csi://0")


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ("gst:videotestsrc ! fakesink", "must end in ' ! appsink'"),
        ("gst:", "must end in ' ! appsink'"),
        ("csi://zero", "in whole numbers"),
        ("csi://0?width=big", "in whole numbers"),
        ("csi://0?depth=3", "in whole numbers"),
        ("csi://0?width=1!%20fakesink", "in whole numbers"),
        ("gst:broken ! appsink", "GStreamer can't start it"),
    ],
)
def test_bad_pipelines_are_one_clear_error(opened, spec, word):
    with pytest.raises(SourceError, match=word) as error:
        open_source(spec)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(
    backend.has_gstreamer(), reason="needs an OpenCV without GStreamer, such as pip's"
)
@pytest.mark.parametrize("spec", [f"gst:{BARS}", BARS, "csi://0"])
def test_an_opencv_without_gstreamer_says_what_to_do(spec):
    with pytest.raises(SourceError, match="has no GStreamer; .*python3-opencv") as error:
        open_source(spec)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(
    not backend.has_gstreamer(), reason="needs an OpenCV with GStreamer, such as a Jetson's"
)
def test_a_real_pipeline_gives_frames():
    source = open_source(f"gst:{BARS}", reconnect_s=math.inf)
    assert source.read().picture.bgr().ndim == 3
    source.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [("    GStreamer:     YES (1.20.3)\n", True), ("    GStreamer:   NO\n", False)],
)
def test_gstreamer_is_looked_for_in_the_build(monkeypatch, text, found):
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: text)
    assert backend.has_gstreamer() is found


@pytest.mark.parametrize(
    ("version", "takes"), [("4.6.0", False), ("4.8.0", True), ("4.12.0-dev", True), ("5.0.0", True)]
)
def test_time_limits_only_where_opencv_takes_them(monkeypatch, version, takes):
    monkeypatch.setattr(cv2, "__version__", version)
    assert backend.limits_gstreamer() is takes


def test_what_is_for_gstreamer():
    assert is_gstreamer("csi://0")
    assert is_gstreamer("a ! appsink")
    assert not is_gstreamer("wow!.mp4")
    assert not is_gstreamer("rtsp://host/a")


def test_a_file_named_like_a_pipeline_is_a_file(clip, tmp_path):
    odd = tmp_path / "a ! appsink.mp4"
    odd.write_bytes(clip.read_bytes())
    source = open_source(str(odd))
    assert not source.live
    assert source.read().picture.bgr().ndim == 3
    source.close()
    assert is_gstreamer("fakesrc ! " * 1000 + "appsink"), "too long for a path"


_CHAINS = [
    BARS,
    f"gst:{BARS} drop=true max-buffers=1 sync=false",
    "v4l2src device=/dev/video0 ! video/x-raw, width=640, height=480 ! videoconvert ! appsink",
    'rtspsrc location="rtsp://u:p@h/a ! tee" latency=0 ! rtph264depay ! h264parse ! avdec_h264 '
    "! videoconvert ! video/x-raw,format=(string)BGR ! appsink name = frames",
    "filesrc location=/home/kitchensink/tee.mp4 ! decodebin ! videoconvert ! appsink",
    'videotestsrc ! "video/x-raw, width=320" ! appsink',
    "nvarguscamerasrc sensor-id=0 ! video/x-raw(memory:NVMM), width=1280, framerate=30/1 "
    "! nvvidconv ! video/x-raw,format=BGRx ! videoconvert ! appsink",
]


@pytest.mark.parametrize("spec", [*_CHAINS, "csi://0", "0", "rtsp://host/a", "clip.mp4", "demo"])
def test_a_single_chain_may_be_anonymized(spec):
    check_only_output(spec)


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ("videotestsrc ! tee name=t ! appsink t. ! queue ! xvimagesink", "tee name=t"),
        ("videotestsrc ! tee name=t t. ! queue ! udpsink host=1.2.3.4 t. ! appsink", "tee name=t"),
        ("videotestsrc ! xvimagesink videotestsrc ! appsink", "xvimagesink"),
        ("videotestsrc ! filesink location=a videotestsrc ! appsink", "filesink"),
        ("videotestsrc ! appsink videotestsrc ! x264enc ! filesink location=a", "appsink"),
        ("videotestsrc ! x264enc ! splitmuxsink name=m m.video ! appsink", "splitmuxsink"),
        ("videotestsrc name=v v. ! autovideosink v. ! appsink", "v."),
        ("videotestsrc name=v v.src ! fakesink v.src ! appsink", "v.src"),
        ("videotestsrc ! fakesink.sink ! appsink", "fakesink.sink"),
        ("( videotestsrc ! ximagesink ) videotestsrc ! appsink", "("),
        ("bin.( videotestsrc ! queue ) ! appsink", "bin."),
        ("videotestsrc ! webrtcbin ! appsink", "webrtcbin"),
        ("videotestsrc ! whipclientsink ! appsink", "whipclientsink"),
        ("videotestsrc ! rtspclientsink location=rtsp://u:secret@h/a ! appsink", "rtspclientsink"),
        ("videotestsrc ! kvssink ! appsink", "kvssink"),
        ("videotestsrc ! hlssink3 ! appsink", "hlssink3"),
        ("videotestsrc ! output-selector name=s ! appsink", "output-selector"),
        ("playbin uri=file:///a video-sink=xvimagesink ! appsink", "playbin"),
        ("fancybin video-sink=xvimagesink ! appsink", "video-sink"),
        ("nvurisrcbin uri=a smart-record=2 ! appsink", "smart-record"),
        ("videotestsrc ! video/x-raw xvimagesink ! appsink", "video/x-raw"),
        ("videotestsrc ! t\\ee name=t ! appsink", "ee name=t"),
        ('videotestsrc ! "tee" name=t ! appsink', "% name=t"),
        ("videotestsrc : tee ! appsink", ": tee"),
        ("videotestsrc ! ! appsink", "''"),
        ("videotestsrc ! fakesink", "fakesink"),
        ("videotestsrc ! appsink t. ! queue", "queue"),
        ('videotestsrc ! tee name=t ! appsink t. ! "', "tee name=t"),
        ("gst:", "''"),
    ],
)
def test_a_pipeline_that_may_show_frames_elsewhere_is_refused(spec, word):
    with pytest.raises(SourceError, match="single chain") as error:
        check_only_output(spec if spec.startswith("gst:") else f"gst:{spec}")
    assert word in str(error.value)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


@given(st.text(" !\"'()=.,:/tesinkap-\\\n\t", max_size=60))
def test_any_text_is_a_chain_or_one_clear_error(text):
    refused = None
    try:
        check_only_output(f"gst:{text} ! appsink")
    except SourceError as error:
        refused = str(error)
    if refused is not None:
        assert len(refused.splitlines()) == 1
    else:
        assert not re.search(
            r"sink|\btee\b", re.sub(r"\"[^\"]*\"|'[^']*'|=\s*\S*|\S*/\S*", "", text)
        )


def test_a_pipelines_secrets_never_show():
    shown = shown_address(
        'rtspsrc location=rtsp://u:secret@host/a?t=secret user-id=secret user-pw="secret b" '
        "! decodebin ! appsink"
    )
    assert "secret" not in shown
    assert shown.startswith("rtspsrc location=rtsp://host user-id=*** user-pw=***")
    assert shown.endswith("! decodebin ! appsink")


def test_a_password_with_a_slash_is_hidden_in_a_pipeline():
    for password, host in (("se/cret", "***"), ("se cret", "host")):
        shown = shown_address(f'rtspsrc location="rtsp://u:{password}@host/a" latency=0 ! appsink')
        assert shown == f'rtspsrc location="rtsp://{host}" latency=0 ! appsink'
