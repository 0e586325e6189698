"""The video's sound: copied or encoded again, in time with the pictures, and never their ruin."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest

from runtime.messages import FrameResult
from runtime.sinks.factory import SinkConfig, open_files
from runtime.sinks.files.sound import Sound
from runtime.sinks.group import SinkGroup
from runtime.sources.factory import open_source
from tests.conftest import REPO
from tests.support.clips import beeps, flash_and_beep, flashes, length_s, sound_packets


def make_video(clip: Path, out: Path, most: int = 10**6, **settings: object) -> int:
    """Writes a clip's video as the command does; its frames."""
    source, sinks, count = open_source(clip), SinkGroup(), 0
    open_files(SinkConfig(video=str(out), **settings), (), [source], sinks)
    while count < most and (frame := source.read()) is not None:
        image = frame.picture.bgr()
        sinks.write(
            FrameResult(0, count, frame.time_s, image, (), 0.0, duration_s=frame.duration_s)
        )
        count += 1
    sinks.close()
    source.close()
    return count


def sound_codec(path: Path) -> str | None:
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.name if container.streams.audio else None


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_sound_is_copied_packet_for_packet(tmp_path, suffix):
    clip, out = flash_and_beep(tmp_path / "in.mp4"), tmp_path / f"out{suffix}"
    make_video(clip, out)
    assert [data for _, data in sound_packets(out)] == [
        data for time_s, data in sound_packets(clip) if 0 <= time_s < 3
    ]
    assert flashes(out) == pytest.approx([1, 2], abs=0.01)
    assert beeps(out) == pytest.approx([1, 2], abs=0.03)


@pytest.mark.parametrize(
    ("name", "video", "audio", "into", "becomes"),
    [
        ("a.ts", "mpeg2video", "aac", ".mp4", "aac"),
        ("a.ts", "mpeg2video", "aac", ".mkv", "aac"),
        ("a.mpg", "mpeg2video", "mp2", ".mp4", "aac"),
        ("a.avi", "mpeg4", "pcm_s16le", ".mp4", "aac"),
        ("a.avi", "mpeg4", "pcm_s16le", ".mkv", "pcm_s16le"),
        ("a.mov", "mpeg4", "pcm_s16le", ".mov", "pcm_s16le"),
        ("a.mkv", "mpeg4", "ac3", ".mp4", "aac"),
        ("a.mkv", "mpeg4", "flac", ".mkv", "flac"),
        ("a.mkv", "mpeg4", "libmp3lame", ".mp4", "mp3float"),
    ],
)
def test_every_codec_is_copied_or_encoded_again_in_time(
    tmp_path, name, video, audio, into, becomes
):
    clip, out = flash_and_beep(tmp_path / name, video=video, audio=audio), tmp_path / f"out{into}"
    assert make_video(clip, out) == 75
    assert sound_codec(out) == becomes
    assert beeps(out) == pytest.approx(flashes(out), abs=0.035)
    assert length_s(out, "audio") == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(("name", "audio"), [("a.ts", "aac"), ("a.mkv", "flac")])
def test_no_sound_is_lost_in_the_middle(tmp_path, name, audio):
    # A start that isn't 0 rounds times at the frames' edges; FLAC's frames are longer than those.
    clip = flash_and_beep(tmp_path / name, 4, "mpeg2video", audio, samples=48_000)
    out = tmp_path / "out.mp4"
    make_video(clip, out)
    times = [time_s for time_s, _ in sound_packets(out)]
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert max(steps) < 1.5 * min(steps)


def test_sound_that_begins_late_or_ends_early_keeps_its_time(tmp_path):
    for number, audio in enumerate(("aac", "ac3")):
        clip = flash_and_beep(tmp_path / f"{number}.mkv", 4, "mpeg4", audio, 1.5, 3.5)
        out = tmp_path / f"{number}.mp4"
        make_video(clip, out)
        assert flashes(out) == pytest.approx([1, 2, 3], abs=0.01)
        assert beeps(out) == pytest.approx([2, 3], abs=0.035)
        assert length_s(out) == pytest.approx(4, abs=0.01)


def test_sound_ends_with_the_pictures(tmp_path):
    clip = flash_and_beep(tmp_path / "in.mkv", 3)
    for out in (tmp_path / "cut.mp4", tmp_path / "cut.mkv"):
        make_video(clip, out, most=30)
        assert length_s(out) == pytest.approx(1.2, abs=0.01)
        assert length_s(out, "audio") == pytest.approx(1.2, abs=0.03)


def test_segments_share_the_sound(tmp_path):
    clip = flash_and_beep(tmp_path / "in.mp4", 4)
    make_video(clip, tmp_path / "o.mp4", segment_s=1.5)
    first, second, third = sorted(tmp_path.glob("o-*.mp4"))
    assert beeps(first) == pytest.approx([1], abs=0.03)
    assert beeps(second) == pytest.approx([0.48, 1.48], abs=0.05)
    assert flashes(second) == pytest.approx([0.48, 1.48], abs=0.01)
    heard = [data for path in (first, second, third) for _, data in sound_packets(path)]
    assert heard == [data for time_s, data in sound_packets(clip) if 0 <= time_s < 4]


def test_the_best_of_several_sounds_is_taken(tmp_path):
    clip = flash_and_beep(tmp_path / "in.mp4")
    two = tmp_path / "two.mkv"
    with av.open(str(clip)) as source, av.open(str(two), "w") as target:
        video, audio = source.streams.video[0], source.streams.audio[0]
        copies = [target.add_stream_from_template(stream) for stream in (video, audio, audio)]
        copies[2].disposition = av.stream.Disposition.default
        copies[1].disposition = av.stream.Disposition.comment
        for packet in source.demux(video, audio):
            if packet.size and not packet.is_discard:
                packet.stream = copies[0] if packet.stream is video else copies[2]
                target.mux(packet)
    out = tmp_path / "out.mp4"
    make_video(two, out)
    assert beeps(out) == pytest.approx([1, 2], abs=0.03)


def test_no_sound_where_none_is_wanted_and_none_of_hidden_people(tmp_path, caplog):
    clip, out = flash_and_beep(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    caplog.set_level("INFO")
    for settings, codec in (
        ({"sound": False}, None),
        ({"anonymized": True}, None),
        ({"anonymized": True, "sound": True}, "aac"),
    ):
        make_video(clip, out, most=5, **settings)
        assert sound_codec(out) == codec
    assert "a voice tells who it is" in caplog.text


def test_a_film_that_is_silent_says_why(tmp_path, caplog):
    caplog.set_level("INFO")

    class Stream:
        name, live, fps = "rtsp://door/live", True, 25.0

    config = SinkConfig(video=str(tmp_path / "o.mp4"))
    open_files(config, (), [Stream()], SinkGroup())  # type: ignore[list-item]
    assert "rtsp://door/live: its sound isn't recorded" in caplog.text
    make_video(flash_and_beep(tmp_path / "in.mp4", audio=None), tmp_path / "o.mp4", sound=True)
    assert "holds no sound that can be read" in caplog.text


def test_a_pipe_is_not_read_a_second_time(tmp_path):
    clip, pipe = flash_and_beep(tmp_path / "in.ts", 1, "mpeg2video", "mp2"), tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", clip, pipe]):
        assert make_video(pipe, tmp_path / "o.mp4") == 25
    assert sound_codec(tmp_path / "o.mp4") is None


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".mp4"])
def test_broken_sound_never_spoils_the_pictures(tmp_path, suffix):
    whole = flash_and_beep(tmp_path / f"in{suffix}", 2).read_bytes()
    draw = random.Random(suffix)
    for broken in range(6):
        data = bytearray(whole)
        for _ in range(200):
            data[draw.randrange(len(data) // 4, len(data))] = draw.randrange(256)
        clip = tmp_path / f"broken{suffix}"
        clip.write_bytes(data)
        try:
            count = make_video(clip, tmp_path / "silent.mp4", sound=False)
        except Exception as error:
            with pytest.raises(type(error)):
                make_video(clip, tmp_path / "o.mp4")
            continue
        assert make_video(clip, tmp_path / "o.mp4") == count, broken


_ENDLESS = """
import sys
from tests.runtime.sinks.files.test_sound import *
source, sinks, config = open_source(sys.argv[1]), SinkGroup(), SinkConfig(video=sys.argv[2])
open_files(config, (), [source], sinks)
for count in range(10**6):
    frame = source.read()
    if frame is None: import time; time.sleep(60)
    sinks.write(FrameResult(0, count, frame.time_s, frame.picture.bgr(), (), 0.0))
    if frame.time_s > 4.5: print("ready", flush=True)
"""


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_and_pictures_survive_kill_9(tmp_path, suffix):
    clip, out = flash_and_beep(tmp_path / "in.mp4", 5, sound_to=2.5), tmp_path / f"o{suffix}"
    process = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, str(clip), str(out)],
        cwd=REPO,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    # Its sound has ended long before, which holds no picture back.
    assert flashes(out) == pytest.approx([1, 2, 3], abs=0.01) or len(flashes(out)) == 4
    assert beeps(out) == pytest.approx([1, 2], abs=0.03)


def test_streams_that_come_up_later_end_the_sound_where_it_ends(tmp_path):
    source = open_source(flash_and_beep(tmp_path / "in.mp4"))
    sound = Sound(source.sound)
    source.close()

    def packets(inner):
        yield from inner
        raise IndexError("list index out of range")  # as PyAV does then, now and then

    sound._packets = packets(sound._packets)
    assert sound.until(100)[-1][0] == pytest.approx(3, abs=0.1)
    assert sound.ended
    sound.close()
