"""`python -m runtime.webcam`: emotions of the faces before a camera."""

from __future__ import annotations

import logging
import math
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.errors import UserError
from runtime.options import option, parse_options, run_command
from runtime.providers import PROVIDERS

if TYPE_CHECKING:
    from runtime.pipeline import Pipeline
    from runtime.sink import Sink
    from runtime.window import WindowSink

PROG = "python -m runtime.webcam"

log = logging.getLogger("runtime")


@dataclass
class Options:
    """Recognise the emotions of faces in a camera, video, stream or folder; q quits."""

    engine: str = option("model: an .onnx or .plan file, or default for the shipped one", "default")
    source: list[str] | None = option(
        "camera number, video file, picture, folder, URL, demo, csi://0 (Jetson), or a "
        "GStreamer pipeline 'gst:... ! appsink'; several may be named, and one that fails "
        "leaves the others going",
        None,
        metavar="SOURCE",
    )
    reconnect_s: float = option(
        "how long a camera or stream that is lost is tried again, in seconds; "
        "0: not at all, inf: for ever",
        math.inf,
        between=(0, math.inf),
    )
    camera_id: int = option("camera to use where no --source is given", 0, between=(0, math.inf))
    detector: str = option("face detector", "centerface", choices=("centerface", "scrfd", "yunet"))
    detector_model: str | None = option("model file of scrfd or yunet", None)
    detect_size: int = option("longer side of what the detector sees, in pixels", 320)
    provider: str = option("where an .onnx runs", "cpu", choices=tuple(PROVIDERS))
    threads: int = option("threads inside each network", 1)
    rebuild: bool = option(
        "build a .plan that doesn't suit this machine again, from the .onnx beside it", False
    )
    smoothing_s: float = option(
        "time constant of the labels' smoothing, in seconds", 0.25, between=(0, 60)
    )
    headless: bool = option("open no window", False)
    output_video: str | None = option("write annotated H.264 video here (.mp4)", None)
    output_json: str | None = option("write one JSON line a frame here; - is the terminal", None)
    max_frames: int | None = option("end after so many frames", None, between=(1, math.inf))
    verbose: bool = option("log more", False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(levelname)s %(message)s",
        stream=sys.stderr,
    )
    run(options)
    return 0


def run(options: Options) -> dict[str, Any]:
    """Runs until the source ends, the user quits or presses Ctrl-C.

    Returns:
        The pipeline's metrics.

    Raises:
        UserError: Something that the user can mend.
    """
    from runtime.outputs import check_apart
    from runtime.pipeline import Pipeline

    counts: Counter[str] = Counter()
    sources = options.source or [str(options.camera_id)]
    check_apart(
        {"--output_video": options.output_video, "--output_json": options.output_json},
        [*sources, options.engine],
    )
    window = None if options.headless else _open_window()
    sinks: list[Sink] = [] if window is None else [window]
    try:
        with Pipeline(
            sources,
            options.engine,
            options.detector,
            detector_model=options.detector_model,
            detect_size=options.detect_size,
            provider=options.provider,
            threads=options.threads,
            rebuild=options.rebuild,
            smoothing_s=options.smoothing_s,
            max_frames=options.max_frames,
            reconnect_s=options.reconnect_s,
        ) as pipeline:
            log.info("engine: %s", getattr(pipeline.engine, "name", options.engine))
            log.info("detector: %s at %d pixels", options.detector, options.detect_size)
            log.info("source: %s", ", ".join(source.name for source in pipeline.sources))
            sinks = [*_open_sinks(options, pipeline), *sinks]
            if window is not None:
                # A window answers its keys also while a source is silent.
                pipeline.on_wait = partial(_poll_window, window, pipeline)
            with _signals_stop(pipeline):
                for result in pipeline:
                    for sink in sinks:
                        sink.write(result)
                    for face in result.faces:
                        counts["uncertain" if face.uncertain else face.emotion] += 1
                    if window is not None and window.closed:
                        break
            metrics = pipeline.metrics.summary()
    finally:
        _close_all(sinks)
    _report(metrics, counts)
    for flag in (options.output_video, options.output_json):
        if flag not in (None, "-") and metrics["frames"]:
            log.info("wrote %s", flag)
    return metrics


def _poll_window(window: WindowSink, pipeline: Pipeline) -> None:
    window.poll()
    if window.closed:
        pipeline.stop()


@contextmanager
def _signals_stop(pipeline: Pipeline) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the capture, so that no output is cut; a second one interrupts."""

    def stop(signum: int, frame: object) -> None:
        log.info("stopped by %s", signal.Signals(signum).name)
        signal.signal(signum, signal.default_int_handler)
        pipeline.stop()

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _open_window() -> WindowSink | None:
    from runtime.window import NoDisplay, WindowSink

    try:
        return WindowSink("emotion")
    except NoDisplay as error:
        log.info("headless: %s", error)
        return None


def _open_sinks(options: Options, pipeline: Pipeline) -> list[Sink]:
    from runtime.sink import JsonSink, VideoSink

    sinks: list[Sink] = []
    if options.output_json:
        sinks.append(JsonSink(options.output_json))
    if options.output_video:
        if len(pipeline.sources) > 1:
            raise UserError("--output_video takes a single --source")
        sinks.append(VideoSink(Path(options.output_video), pipeline.sources[0].fps))
    return sinks


def _close_all(sinks: Sequence[Sink]) -> None:
    """Closes every sink, also after one fails; the first failure is raised."""
    first: UserError | None = None
    for sink in sinks:
        try:
            sink.close()
        except UserError as error:
            first = first or error
    if first is not None and not isinstance(sys.exc_info()[1], UserError):
        raise first


def _report(metrics: dict[str, Any], counts: Counter[str]) -> None:
    """Prints the summary on standard error, so that JSON on standard output stays clean."""
    latency = metrics["stages"].get("latency", {})
    lines = [
        f"{metrics['frames']} frames in {metrics['seconds']:.1f} s, {metrics['fps']:.1f} FPS, "
        f"{metrics['dropped']} dropped, first result after {metrics['first_result_s']:.2f} s"
    ]
    if latency:
        lines.append(
            "capture to result: p50 {p50:.0f} ms, p90 {p90:.0f} ms, p99 {p99:.0f} ms".format(
                **latency
            )
        )
    for stage in ("capture", "detect", "classify"):
        if stage in metrics["stages"]:
            lines.append(
                "  {:<9} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms".format(
                    stage, **metrics["stages"][stage]
                )
            )
    streams = metrics["streams"]
    for number, stream in enumerate(streams):
        if len(streams) > 1 or stream["reconnects"]:
            lines.append(
                "  source {} ({name}): {frames} frames, {dropped} dropped, "
                "{reconnects} reconnects, {state}".format(number, **stream)
            )
    total = sum(counts.values())
    shares = [f"{name} {count / total:.0%}" for name, count in counts.most_common()]
    lines.append(f"{metrics['faces']} faces: {', '.join(shares) or 'none'}")
    print("\n".join(lines), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run_command(main, None))
