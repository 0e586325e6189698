"""Decoding by hardware: what is asked for, what is here, and what happens where it isn't."""

import logging

import pytest
from av.codec.hwaccel import hwdevices_available

from runtime.errors import SourceError, UserError
from runtime.sources.config import DECODERS, SourceConfig
from runtime.sources.decoders import hardware
from runtime.sources.factory import open_source
from tests.support.web import count

GONE = next(name for name in DECODERS if name not in ("cpu", "auto", *hwdevices_available()))
HERE = [name for name in DECODERS[2:] if not hardware._failure(name)]


def test_the_cpu_needs_no_hardware():
    assert hardware.accelerator("cpu") is None


def test_what_this_ffmpeg_lacks_is_refused_in_a_line(clip):
    with pytest.raises(SourceError, match=f"--decode {GONE}: this FFmpeg has no such") as caught:
        open_source(clip, decode=GONE)
    assert str(caught.value).endswith("here, and cpu")


@pytest.mark.skipif("cuda" in HERE, reason="needs a machine without an NVIDIA GPU")
def test_a_device_that_is_not_here_is_refused_in_a_line(clip):
    with pytest.raises(SourceError, match=r"--decode cuda: .*here, and cpu") as caught:
        open_source(clip, decode="cuda")
    assert "\n" not in str(caught.value)


def test_auto_reads_every_frame_whatever_is_here(clip, caplog):
    hardware._first_that_works.cache_clear()
    with caplog.at_level(logging.INFO):
        assert count(SourceConfig(clip, decode="auto")) == count(clip) == 40
    assert caplog.text.count("--decode auto: ") == 1


def test_another_word_is_refused():
    with pytest.raises(UserError, match="decode must be cpu, auto, cuda"):
        SourceConfig("a.mp4", decode="gpu")


@pytest.mark.gpu
@pytest.mark.skipif("cuda" not in HERE, reason="needs an NVIDIA GPU")
def test_a_gpu_gives_the_same_frames(clip):
    assert count(SourceConfig(clip, decode="cuda")) == 40
