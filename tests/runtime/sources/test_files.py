"""Video files: times, ends and damage."""

import logging

import cv2
import numpy as np
import pytest

from runtime.errors import SourceError
from runtime.sources.factory import open_source
from runtime.sources.files import FileSource
from runtime.vision.picture import Picture
from tests.conftest import write_video
from tests.runtime.sources.reading import frames_of


def test_a_file_gives_every_frame_with_rising_times(clip):
    frames = frames_of(clip)
    times = [frame.time_s for frame in frames]
    assert len(frames) == 40
    assert times == sorted(set(times))
    assert times[-1] == pytest.approx(39 / 25, abs=0.05)


def test_a_video_without_its_index_is_refused(clip, tmp_path):
    data = clip.read_bytes()
    with pytest.raises(SourceError, match="cut short"):
        open_source(str(_write(tmp_path / "short.mp4", data[: len(data) // 2])))


def test_a_truncated_stream_gives_what_it_has_and_says_so(tmp_path, portrait, caplog):
    frames = [np.roll(portrait, 4 * i, 1) for i in range(30)]
    data = write_video(tmp_path / "whole.avi", frames, codec="MJPG").read_bytes()
    short = _write(tmp_path / "short.avi", data[: len(data) * 6 // 10])
    with caplog.at_level(logging.WARNING):
        got = frames_of(short)
    assert 10 <= len(got) <= 20
    assert np.abs(got[0].picture.bgr().astype(int) - frames[0]).mean() < 6


def test_a_video_whose_frame_size_changes(tmp_path, portrait):
    # An MPEG-TS may change its size midway: two of them, one after the other.
    import subprocess

    from imageio_ffmpeg import get_ffmpeg_exe

    parts = []
    for size in ("320x240", "640x480"):
        part = tmp_path / f"{size}.ts"
        subprocess.run(
            [get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i",
             f"testsrc=size={size}:rate=25:duration=0.6", "-c:v", "libx264", "-pix_fmt",
             "yuv420p", str(part)],
            check=True,
        )  # fmt: skip
        parts.append(part.read_bytes())
    for order in (parts, parts[::-1]):
        frames = [f.picture.bgr() for f in frames_of(_write(tmp_path / "both.ts", b"".join(order)))]
        assert len(frames) >= 25
        # The same test picture after the change, neither frozen nor garbled.
        late = cv2.resize(frames[-1], frames[0].shape[1::-1]).astype(int)
        assert np.abs(late - frames[0]).mean() < 25
        assert (frames[-1] != frames[-5]).any()


class Stamped:
    """A capture with stamps of one's own, in milliseconds, and failed reads between."""

    def __init__(self, stamps, fps=25.0):
        self.stamps, self.fps, self.index = stamps, fps, -1
        self.frames = len(stamps)

    @property
    def ended(self):
        return self.index >= len(self.stamps)

    def read(self):
        self.index += 1
        if self.ended or self.stamps[self.index] is None:
            return None
        return Picture(np.zeros((4, 4, 3), np.uint8)), self.stamps[self.index] / 1e3

    def interrupt(self):
        pass

    def close(self):
        pass


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        # Of variable rate: kept, also where two frames are nearer than the mean rate says.
        ([0, 5, 12, 900, 901], [0, 0.005, 0.012, 0.9, 0.901]),
        # Forwards for good, as where two recordings are joined.
        ([0, 40, 5e6, 5e6 + 10, 5e6 + 50], [0, 0.04, 0.08, 0.09, 0.13]),
        # Forwards once.
        ([0, 40, 5e6, 120, 160], [0, 0.04, 0.08, 0.12, 0.16]),
        # Backwards.
        ([7000, 7040, 0, 40, 80], [7, 7.04, 7.08, 7.12, 7.16]),
        # No stamps at all.
        ([0, 0, 0, 0], [0, 0.04, 0.08, 0.12]),
        ([-80, -40, 0], [0, 0.04, 0.08]),
    ],
)
def test_stamps_are_kept_and_jumps_are_mended(stamps, times):
    source = FileSource(Stamped(stamps), "clip")
    assert [source.read().time_s for _ in stamps] == pytest.approx(times)
    assert source.read() is None


def test_broken_frames_are_passed_over_and_told_once(caplog):
    source = FileSource(Stamped([0, None, None, 120, 160, *[None] * 50, 2200]), "clip")
    times = []
    while (frame := source.read()) is not None:
        times.append(frame.time_s)
    assert times == pytest.approx([0, 0.12, 0.16, 2.2])
    assert [r.getMessage() for r in caplog.records] == ["clip: passed over 52 broken frames"]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("b.mp4", "mpeg4"), ("c.ts", "libx264"), ("d.avi", "mpeg4")],
)
@pytest.mark.parametrize("damage", ["zeros", "noise"])
def test_a_file_broken_in_the_middle_goes_on_after_it(tmp_path, name, codec, damage):
    whole = tmp_path / name
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=8"),
        *("-c:v", codec, "-g", "25", "-pix_fmt", "yuv420p", str(whole)),
    )
    data = bytearray(whole.read_bytes())
    start, end = len(data) * 40 // 100, len(data) * 50 // 100
    noise = np.random.default_rng(0).integers(0, 256, end - start, np.uint8).tobytes()
    data[start:end] = bytes(end - start) if damage == "zeros" else noise
    frames = frames_of(_write(tmp_path / f"broken_{name}", data))
    assert len(frames) >= 100
    times = [frame.time_s for frame in frames]
    assert times == sorted(set(times))
    if name != "d.avi":  # an AVI has no stamps: its time counts the frames that came
        # A stamp that was broken itself, as one in the TS, moves what follows by its jump.
        assert times[-1] == pytest.approx(7.96, abs=1.1)
    # The last picture is the video's last, not a frozen one of the middle.
    last = frames_of(whole)[-1].picture.bgr().astype(int)
    assert np.abs(frames[-1].picture.bgr() - last).mean() < 12


def test_a_file_of_variable_rate_keeps_its_stamps(tmp_path):
    path = tmp_path / "vfr.mkv"
    # Every frame of the first second, every tenth from then on.
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=160x120:rate=50:duration=3"),
        *("-vf", "select='lt(t,1)+not(mod(n,10))'", "-fps_mode", "passthrough"),
        *("-c:v", "libx264", "-pix_fmt", "yuv420p", str(path)),
    )
    times = [frame.time_s for frame in frames_of(path)]
    wanted = [n / 50 for n in range(150) if n < 50 or n % 10 == 0]
    assert times == pytest.approx(wanted, abs=0.002)


def ffmpeg(*argv):
    import subprocess

    from imageio_ffmpeg import get_ffmpeg_exe

    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", *argv], check=True)


def _write(path, content):
    path.write_bytes(content)
    return path
