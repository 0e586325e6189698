"""`python -m benchmarks.soak`: does the runtime last, and is nothing lost when it is killed?

The soak feeds many frames through detection, tracking, recognition and a
JSON file, as fast as they go, and reads memory, threads and file handles
on the way; with `--segment_s` also through a video, all of it in segments of which the
last megabytes stay. The kills start `runtime.webcam` with JSON lines, CSV and a video
with sound, end it with SIGKILL at random moments, and read what they left.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness.options import CompareOptions, EngineOption
from benchmarks.harness.pipeline_setup import config_of
from benchmarks.harness.provenance import artifact
from benchmarks.harness.schema.soak import Kills, Soak, SoakReport, SoakRow
from benchmarks.harness.synthetic import MAX_FACES, SyntheticVideo, render
from benchmarks.regression.session import begin, finish, header
from runtime.pipeline.config import DetectorConfig
from runtime.pipeline.pipeline import Pipeline
from runtime.sinks.factory import SinkConfig, open_files
from runtime.sinks.group import SinkGroup
from runtime.support.cli import option, parse_options, run_command

PROG = "python -m benchmarks.soak"

#: Longest time from the first line to a kill, in seconds.
_LONGEST_S = 4.0

#: Megabytes of the segments that stay.
_MOST_MB = 20.0

#: Samples a second of the sound of the clip that is read until the kill.
_SAMPLES = 16_000


@dataclass(kw_only=True)
class SoakOptions(CompareOptions, EngineOption):
    """Run for very long, and be killed often."""

    frames: int = option("frames of the soak; 0 leaves it out", 20_000, between=(0, math.inf))
    faces: int = option("faces in the picture", 1, between=(1, MAX_FACES))
    side: int = option("longer side of the frames and the detector, in pixels", 160)
    segment_s: float = option(
        "also write a video, and it and the lines in segments of so many seconds; 0 for neither",
        0.0,
        between=(0, 86_400),
    )
    kills: int = option("how often the command is killed", 5, between=(0, math.inf))
    seed: int = option("seed of the moments", 0, between=(0, math.inf))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(SoakOptions, PROG, argv)
    old = begin("soak", options, [options.engine])
    report = SoakReport(
        **header("soak", options),
        artifact=artifact(options.engine),
        soak=soak(options) if options.frames else None,
        kills=kill(options) if options.kills else None,
    )
    return finish(report, options, old, show=True)


def resources(frame: int) -> SoakRow:
    """What this process holds now, after so many frames."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return SoakRow(
        frame=frame,
        memory_mb=round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1),
        threads=len(os.listdir("/proc/self/task")),
        handles=len(os.listdir("/proc/self/fd")),
    )


def soak(options: SoakOptions) -> Soak:
    """Resources after 1,000 frames, ten times on the way, and at the end."""
    pictures = [
        np.asarray(cv2.resize(frame, (options.side, options.side * 3 // 4)), np.uint8)
        for frame in render(options.faces, 30)
    ]
    marks = {min(1000, options.frames)} | {options.frames * k // 10 for k in range(1, 11)}
    rows: list[SoakRow] = []
    faces = 0
    start = time.monotonic()
    source = SyntheticVideo(pictures, options.frames)
    config = config_of([source], options.engine, detector=DetectorConfig(size=options.side))
    written = 0
    with tempfile.TemporaryDirectory() as folder, Pipeline(config) as pipeline:
        outputs = SinkConfig(json=f"{folder}/soak.jsonl")
        if options.segment_s:
            outputs = replace(
                outputs,
                video=f"{folder}/soak.mp4",
                segment_s=options.segment_s,
                max_disk_mb=_MOST_MB,
            )
        sinks = SinkGroup()
        open_files(outputs, pipeline.engine.manifest.labels, [source], sinks)
        for count, result in enumerate(pipeline, 1):
            sinks.write(result)
            written += 1
            faces += len(result.faces)
            if count in marks:
                rows.append(resources(count))
                rate = count / (time.monotonic() - start)
                print(f"{count} frames, {rate:.0f} FPS: {rows[-1]}", file=sys.stderr, flush=True)
        sinks.close()
        if not options.segment_s:
            with Path(folder, "soak.jsonl").open() as lines:
                written = sum(1 for _ in lines)
    return Soak(
        frames=options.frames,
        faces_per_frame=round(faces / options.frames, 2),
        lines_written=written,
        fps=round(options.frames / (time.monotonic() - start), 1),
        rows=rows,
    )


def kill(options: SoakOptions) -> Kills:
    """Kills the command at random moments after its first result; what was left each time."""
    draw = random.Random(options.seed)
    kills, whole, gaps = 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        clip = _write_clip(Path(folder, "clip.mp4"))
        for number in range(1, options.kills + 1):
            outputs = (Path(folder, f"{number}.{end}") for end in ("jsonl", "csv", "mp4"))
            lines, rows, video = outputs
            flags = ["--engine", options.engine, "--source", str(clip), "--headless"]
            flags += ["--output_json", str(lines), "--output_csv", str(rows)]
            flags += ["--output_video", str(video)]
            if not _start_and_kill(flags, lines, draw.uniform(0, _LONGEST_S)):
                print(f"kill {number}: it had ended by itself", file=sys.stderr, flush=True)
                continue
            kills += 1
            lack = _gap_s(lines, video) if _is_whole(rows) else None
            if lack is not None:
                gaps.append(lack)
                whole += lack <= 1.0
            said = f"kill {number}: the video ends {lack} s before the lines"
            print(said, file=sys.stderr, flush=True)
    gap = round(max(gaps), 2) if gaps else None
    return Kills(kills=kills, whole=whole, largest_gap_s=gap)


def _write_clip(path: Path) -> Path:
    """Two minutes of video with a tone: more than is read before the kill."""
    import av  # its memory is none of the soak's

    pictures = render(1, 30, (320, 240))
    step = _SAMPLES // 30
    tone = (np.sin(np.arange(step) * (2 * np.pi * 16 / step)) * 8000).astype(np.int16)[None]
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("mpeg4", rate=30)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        sound = clip.add_stream("aac", rate=_SAMPLES)
        sound.codec_context.layout = "mono"
        for i in range(3600):
            clip.mux(video.encode(av.VideoFrame.from_ndarray(pictures[i % 30], format="bgr24")))
            part = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
            part.sample_rate, part.time_base = _SAMPLES, Fraction(1, _SAMPLES)
            part.pts = i * _SAMPLES // 30
            clip.mux(sound.encode(part))
        for stream in (video, sound):
            clip.mux(stream.encode(None))
    return path


def _start_and_kill(flags: Sequence[str], lines: Path, after_s: float) -> bool:
    """Runs the command and kills it some time after its first line.

    Args:
        flags: Its options.
        lines: Where it writes JSON lines.
        after_s: Time from the first line to the kill, in seconds.

    Returns:
        False where it had ended before.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "runtime.webcam", *flags], stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if lines.is_file() and lines.stat().st_size:
                break
            time.sleep(0.02)
        time.sleep(after_s)
        running = process.poll() is None
        process.send_signal(signal.SIGKILL)
    return running


def _is_whole(rows: Path) -> bool:
    """Whether a CSV ends with a whole row, and all have as many cells as the header.

    Of a run that was killed between its first JSON line and its first row there is none.
    """
    if not rows.exists():
        return True
    text = rows.read_text()
    return text.endswith("\n") and len({line.count(",") for line in text.splitlines()}) == 1


def _gap_s(lines: Path, video: Path) -> float | None:
    """Media time from the video's end to the last line's; None where the lines can't be read.

    A video ends where its pictures or, if it has any, its sound do. One without a frame,
    which begins with its first half second, lacks all of it.
    """
    try:
        results = [json.loads(line) for line in lines.read_text().splitlines()]
    except (OSError, ValueError):
        return None
    if not results:
        return None
    import av  # its memory is none of the soak's

    ends = [0.0]
    try:
        with av.open(str(video)) as container:
            streams = [*container.streams.video[:1], *container.streams.audio[:1]]
            ends = [0.0] * max(1, len(streams))
            for frame in container.decode(*streams):
                ends[isinstance(frame, av.AudioFrame)] = float(frame.time or 0.0)
    except (av.FFmpegError, IndexError):  # no frame, or none after what was read
        pass
    return max(0.0, round(float(results[-1]["time_s"]) - min(ends), 3))


if __name__ == "__main__":
    sys.exit(run_command(main, None))
