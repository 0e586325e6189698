"""Video files whose times, pixels or ends are no plain ones."""

import io
import logging
from fractions import Fraction

import av
import numpy as np
import pytest

from runtime.sources.decoders import ffmpeg as media
from runtime.sources.files import FileSource
from runtime.vision.picture import Picture
from tests.runtime.sources.reading import frames_of

#: A frame held for 12 s, one for two minutes, and steps of many lengths.
TIMES = [0.0, 0.04, 0.5, 12.5, 12.54, 132.54, 132.6, 132.64]


class Pipe(io.RawIOBase):
    """What a live stream is written to: nothing can be filled in afterwards."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def seekable(self):
        return False

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def write_times(path, times, codec="libx264", form=None, aspect=None, live=False):
    """A video of 64x48 whose frames have these times in seconds."""
    target = Pipe() if live else str(path)
    with av.open(
        target, "w", format=form or path.suffix[1:].replace("mkv", "matroska")
    ) as container:
        stream = container.add_stream(codec, 25)
        stream.width, stream.height, stream.pix_fmt = (
            64,
            48,
            "yuvj420p" if codec == "mjpeg" else "yuv420p",
        )
        stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number, time_s in enumerate(times):
            image = np.full((48, 64, 3), 30 * (number % 8), np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if live:
        path.write_bytes(target.data)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "live"),
    [
        ("a.mp4", "libx264", False),
        ("a.mkv", "libx264", False),
        ("a.webm", "libvpx", False),
        ("a.webm", "libvpx", True),
    ],
)
def test_a_frame_that_is_held_keeps_its_time(tmp_path, name, codec, live, caplog):
    with caplog.at_level(logging.WARNING):
        frames = frames_of(write_times(tmp_path / name, TIMES, codec, live=live))
    assert [frame.time_s for frame in frames] == pytest.approx(TIMES, abs=0.01)
    assert "cut short" not in caplog.text


def test_a_transport_stream_that_begins_anew_goes_on(tmp_path):
    # Two recordings, one after the other, of which the second began hours later.
    steps = [i / 25 for i in range(20)]
    parts = [
        write_times(
            tmp_path / f"{start}.ts", [start + s for s in steps], form="mpegts"
        ).read_bytes()
        for start in (5, 9000)
    ]
    both = tmp_path / "both.ts"
    for order in (parts, parts[::-1]):
        both.write_bytes(b"".join(order))
        times = [frame.time_s for frame in frames_of(both)]
        assert len(times) == 40
        assert np.diff(times) == pytest.approx(0.04, abs=0.025)


@pytest.mark.parametrize("start", [0.0, 7.0, 5000.0])
@pytest.mark.parametrize("live", [False, True])
def test_a_video_that_begins_late_begins_at_zero(tmp_path, start, live):
    steps = [i / 25 for i in range(10)]
    path = write_times(tmp_path / "a.webm", [start + s for s in steps], "libvpx", live=live)
    assert [f.time_s for f in frames_of(path)] == pytest.approx(steps, abs=0.01)


def test_packets_of_no_bytes_hold_the_last_frame_and_are_no_broken_ones(tmp_path, caplog):
    # Theora has them where nothing has changed.
    opened = media.open_file(write_times(tmp_path / "a.avi", [i / 25 for i in range(50)], "mjpeg"))
    packets = []
    for number, packet in enumerate(opened._packets):
        if packet.pts is not None and (20 <= number < 30 or number >= 45):
            empty = av.Packet(b"")
            empty.pts, empty.time_base, empty.stream = packet.pts, packet.time_base, packet.stream
            packet = empty
        packets.append(packet)
    opened._packets = iter(packets)
    with caplog.at_level(logging.WARNING):
        source = FileSource(opened, "a")
        times = [frame.time_s for frame in iter(source.read, None)]
    assert len(times) == 35
    assert max(np.diff(times)) == pytest.approx(11 / 25, abs=0.01)
    assert caplog.text == ""


class Claiming:
    """A capture whose container says how long it is."""

    ended, frames, fps = False, 4, 25.0

    def __init__(self, stamps, last_stamp_s):
        self.stamps, self.last_stamp_s = iter(stamps), last_stamp_s

    def read(self):
        stamp = next(self.stamps, None)
        self.ended = stamp is None
        return None if stamp is None else (Picture(np.zeros((2, 2, 3), np.uint8)), stamp)


@pytest.mark.parametrize(
    ("last_stamp_s", "times"),
    [(60.0, [0, 50, 50.04]), (20.0, [0, 0.04, 0.08]), (0.0, [0, 0.04, 0.08])],
    ids=["within", "behind the end", "may jump"],
)
def test_a_hold_is_told_from_a_jump_by_the_files_length(last_stamp_s, times):
    source = FileSource(Claiming([0.0, 50.0, 50.04], last_stamp_s), "a")
    assert [source.read().time_s for _ in range(3)] == pytest.approx(times)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264")]
)
def test_pixels_that_are_no_squares_are_made_so(tmp_path, name, codec):
    form = "mpegts" if name.endswith(".ts") else None
    aspect = Fraction(4, 3)
    times = [i / 25 for i in range(5)]
    path = write_times(tmp_path / name, times, codec, form, aspect)
    frames = frames_of(path)
    assert len(frames) == 5
    assert {frame.picture.bgr().shape for frame in frames} == {(48, 85, 3)}
