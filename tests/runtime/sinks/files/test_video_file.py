"""A video's times, lengths and colours, as FFmpeg reads them."""

from dataclasses import replace

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter

from runtime.sinks.files.video import VideoSink
from tests.runtime.sinks.conftest import result
from tests.support.clips import length_s
from tests.support.limited import run_limited


def write(path, times, fps=25.0, size=(64, 64), last_s=0.0):
    sink = VideoSink(path, fps)
    for index, time_s in enumerate(times):
        sink.write(replace(result(index, size), time_s=time_s, duration_s=last_s))
    sink.close()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_the_last_frame_is_shown_as_long_as_the_source_shows_it(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    write(path, [0, 0.04, 12.96, 13.0], last_s=2.0)
    assert length_s(path) == pytest.approx(15.0, abs=0.01)
    write(path, [0, 2, 4], fps=0.5)  # as a folder of pictures
    assert length_s(path) == pytest.approx(6.0, abs=0.01)


def test_holds_are_as_long_as_the_source_s(tmp_path):
    path = tmp_path / "v.mp4"
    write(path, [5.0, 5.1, 9.1, 9.15])
    with av.open(str(path)) as container:
        shown = [float(p.duration * p.time_base) for p in container.demux(video=0) if p.size]
    assert shown == pytest.approx([0.1, 4.0, 0.05, 0.04], abs=1e-3)


@pytest.mark.parametrize(("height", "code"), [(480, 6), (720, 1)])
def test_colours_are_tagged_and_come_back(tmp_path, height, code):
    path = tmp_path / "v.mp4"
    draw = np.random.default_rng(0)
    patches = draw.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    patches[0] = [[0, 0, 255], [0, 255, 0], [255, 0, 0], [255] * 3, [0] * 3, [128] * 3]
    image = np.kron(patches, np.ones((height // 4, 100, 1), np.uint8))
    sink = VideoSink(path, 25)
    for index in range(3):
        sink.write(replace(result(index, faces=0), image=image))
    sink.close()
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == (code,) * 3
        assert context.color_range == 1
        frame = next(container.decode(video=0))
    knows = hasattr(Interpolation, "ACCURATE_RND")  # PyAV 17, for Python 3.10, is a little off
    exact = Interpolation.BILINEAR
    if knows:
        exact |= Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    back = VideoReformatter().reformat(frame, format="bgr24", interpolation=exact).to_ndarray()
    middle = back[height // 8 :: height // 4, 50::100].astype(int)
    assert np.abs(middle - patches).max() <= (2 if knows else 8)


def test_a_camera_that_was_away_for_a_day_goes_on(tmp_path):
    for suffix in (".mp4", ".mkv"):
        path = tmp_path / f"v{suffix}"
        write(path, [0, 0.04, 86_400, 86_400.04], last_s=90_000.0)
        assert length_s(path) == pytest.approx(12 * 3600, abs=1)


def test_a_single_pixel_is_a_video(tmp_path):
    write(tmp_path / "v.mp4", [0, 0.04, 0.08], size=(1, 1))
    assert length_s(tmp_path / "v.mp4") == pytest.approx(0.12, abs=1e-3)


def test_ffmpeg_s_own_words_stay_off_the_terminal(tmp_path):
    """Some 200 kB of them once filled a pipe that nobody read, and the run stood still."""
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.runtime.sinks.files.test_video_file import write\n"
        "for end in ('.mp4', '.mkv'):\n"
        "    write(Path(sys.argv[1] + end), [i * 1e6 * (-1) ** i for i in range(40)])"
    )
    done = run_limited(code, tmp_path / "v")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
