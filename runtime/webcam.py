"""`python -m runtime.webcam`: emotions of the faces before a camera."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.engines.providers import PROVIDERS
from runtime.support.cli import option, parse_options, run_command
from runtime.support.redaction import redact, start_log

if TYPE_CHECKING:
    from runtime.messages import FrameResult
    from runtime.pipeline.pipeline import Pipeline
    from runtime.sinks.group import SinkGroup
    from runtime.sinks.window import WindowSink
    from runtime.support.shutdown import Shutdown

PROG = "python -m runtime.webcam"

#: Options that name a file to write.
_FILES = ("output_video", "output_json", "output_csv", "output_summary")

log = logging.getLogger("runtime")


@dataclass
class Options:
    """Recognise the emotions of faces in a camera, video, stream or folder; q quits."""

    engine: str = option(
        "model: an .onnx or .plan file, or a shipped one: main (FP32), fast (INT8, for CPUs) "
        "or default, which is fast on the CPU and main elsewhere",
        "default",
    )
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
    detect_interval: float = option(
        "milliseconds between two looks for faces; 0 looks at every frame", 50.0, between=(0, 5000)
    )
    provider: str = option("where an .onnx runs", "cpu", choices=tuple(PROVIDERS))
    threads: int = option("threads inside each network", 1)
    rebuild: bool = option(
        "build a .plan that doesn't suit this machine again, from the .onnx beside it", False
    )
    temporal_head: str = option(
        "what steadies labels: a head (.onnx) that reads each face's last second, default "
        "for the shipped one, none for an average, auto: default with a shipped engine",
        "auto",
    )
    smoothing_s: float | None = option(
        "time constant of that average in seconds: 0.25 where there is no head",
        None,
        between=(0, 60),
    )
    latency_target: float | None = option(
        "milliseconds from capture to result that 99% of a camera's or stream's frames "
        "shall keep to, by less work where it must be",
        None,
        between=(1, 60_000),
    )
    headless: bool = option("open no window", False)
    output_video: str | None = option("write annotated H.264 video here (.mp4)", None)
    output_json: str | None = option("write one JSON line a frame here; - is the terminal", None)
    output_csv: str | None = option("write one CSV row a face and frame; - is the terminal", None)
    output_summary: str | None = option(
        "write rate, latencies and counts here at the end, as JSON; - is the terminal", None
    )
    mqtt: str | None = option(
        "publish each frame's JSON: mqtt://[user:password@]host[:port]/topic, mqtts:// for TLS",
        None,
        metavar="URL",
    )
    webhook: str | None = option("POST each frame's JSON to this http(s) URL", None, metavar="URL")
    webhook_batch: int = option(
        "frames in one POST, at most; above 1 it holds JSON lines", 1, between=(1, 1000)
    )
    anonymize: bool = option(
        "cover the faces in the video and the window; looks for them in every frame", False
    )
    metrics_port: int | None = option(
        "answer GET /metrics (Prometheus) and /healthz at this port; 0 takes a free one",
        None,
        between=(0, 65535),
    )
    metrics_host: str = option("address to answer at; 0.0.0.0 is every one", "127.0.0.1")
    output_mode: str = option("permissions of the files written, octal", "600")
    tls_ca: list[str] | None = option(
        "PEM file of the authorities that https, rtsps and rtmps sources must be certified by, "
        "in place of the system's; one for all sources, or one each",
        None,
        metavar="FILE",
    )
    tls_insecure: list[int] | None = option(
        "trust any certificate of the sources with these numbers, from 0; of every source "
        "where no number is given",
        None,
        metavar="N",
        bare=True,
    )
    max_frames: int | None = option("end after so many frames", None, between=(1, math.inf))
    verbose: bool = option("log more", False)
    config: str | None = field(init=False, default=None, compare=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    start_log(logging.DEBUG if options.verbose else logging.INFO)
    run(options)
    return 0


def run(options: Options) -> dict[str, Any]:
    """Runs until the source ends, the user quits or presses Ctrl-C.

    Returns:
        The pipeline's metrics (`Metrics.summary`), `shed` (`Governor.figures`),
        `emotions` (faces by label) and `sinks` (`RemoteSink.counts` by kind).

    Raises:
        UserError: Something that the user can mend.
    """
    from runtime.pipeline.protected_files import protected_files
    from runtime.sinks.group import SinkGroup
    from runtime.sources.pictures import PICTURES
    from runtime.support.files.writing import check_apart, check_writable, read_mode, write_whole
    from runtime.support.shutdown import Shutdown

    counts: Counter[str] = Counter()
    sources = options.source or [str(options.camera_id)]
    files = {f"--{name}": getattr(options, name) for name in _FILES}
    read = protected_files(
        options.engine,
        options.provider,
        options.temporal_head,
        options.detector_model,
        [options.config, *(options.tls_ca or ())],
    )
    check_apart(files, [*sources, *read], PICTURES)
    mode = read_mode(options.output_mode)
    if options.anonymize:
        from runtime.sources.gstreamer import check_only_output

        for source in sources:
            check_only_output(source)
    summary = options.output_summary
    if summary not in (None, "-"):
        check_writable(Path(summary), "--output_summary")
    sinks = SinkGroup()
    with Shutdown(lambda: sinks.busy) as shutdown:
        metrics = _run(options, sources, sinks, counts, shutdown)
        metrics |= {"emotions": dict(counts), "sinks": sinks.counts()}
        _report(metrics, counts)
        if summary is not None:
            text = json.dumps(metrics, indent=2) + "\n"
            if summary == "-":
                print(text, end="", flush=True)
            else:
                write_whole(Path(summary), text, "--output_summary", mode)
        for flag, file in files.items():
            if file not in (None, "-") and (metrics["frames"] or flag == "--output_summary"):
                log.info("wrote %s", file)
    return metrics


def _run(
    options: Options,
    sources: Sequence[str],
    sinks: SinkGroup,
    counts: Counter[str],
    shutdown: Shutdown,
) -> dict[str, Any]:
    """Opens everything, runs, closes everything; returns the pipeline's metrics and `shed`."""
    from runtime.pipeline.pipeline import FACE_SCORE, Pipeline
    from runtime.sinks import factory as opening
    from runtime.support.net.tls import choose_trust
    from runtime.vision.anonymize import COVER_SCORE, LOOK_AHEAD_S

    monitor = None
    try:
        opening.open_remote(options, sinks)
        if options.metrics_port is not None:
            from runtime.telemetry.server import Monitor

            monitor = Monitor(options.metrics_host, options.metrics_port)
        window = None if options.headless else opening.open_window(sinks)
        with Pipeline(
            sources,
            options.engine,
            options.detector,
            detector_model=options.detector_model,
            detect_size=options.detect_size,
            # Between two looks a new face would be shown as it is.
            detect_interval_s=None if options.anonymize else options.detect_interval / 1e3,
            provider=options.provider,
            threads=options.threads,
            rebuild=options.rebuild,
            smoothing_s=options.smoothing_s,
            temporal_head=options.temporal_head,
            latency_target_ms=options.latency_target,
            max_frames=options.max_frames,
            reconnect_s=options.reconnect_s,
            regions_score=COVER_SCORE if options.anonymize else FACE_SCORE,
            tls=choose_trust(options.tls_ca, options.tls_insecure, len(sources)),
            look_ahead_s=LOOK_AHEAD_S if options.anonymize else 0.0,
        ) as pipeline:
            log.info("engine: %s", getattr(pipeline.engine, "name", options.engine))
            log.info("detector: %s at %d pixels", options.detector, options.detect_size)
            log.info("source: %s", ", ".join(source.name for source in pipeline.sources))
            opening.open_files(options, pipeline, sinks)
            if window is not None:
                # A window answers its keys also while a source is silent.
                pipeline.on_wait = partial(_poll_window, window, pipeline)
            if monitor is not None:
                monitor.watch(pipeline, sinks.counts)
            shutdown.stop = pipeline.stop
            for result in _anonymized(pipeline) if options.anonymize else pipeline:
                sinks.write(result)
                for face in result.faces:
                    counts["uncertain" if face.uncertain else face.emotion] += 1
                if window is not None and window.closed:
                    break
            return {**pipeline.metrics.summary(), "shed": pipeline.governor.figures()}
    finally:
        try:
            sinks.close()
        finally:
            if monitor is not None:
                monitor.close()


def _anonymized(pipeline: Pipeline) -> Iterator[FrameResult]:
    """Results whose pictures show no face: nothing after this has seen one."""
    from runtime.vision.anonymize import anonymize

    for result in pipeline:
        with pipeline.metrics.time("anonymize"):
            hidden = anonymize(result)
        yield hidden


def _poll_window(window: WindowSink, pipeline: Pipeline) -> None:
    window.poll()
    if window.closed:
        pipeline.stop()


def _report(metrics: dict[str, Any], counts: Counter[str]) -> None:
    """Prints the summary on standard error, so that JSON on standard output stays clean."""
    from runtime.pipeline.load_shedding import LADDER

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
    shed = metrics["shed"]
    if shed["deepest"]:
        lines.append(
            f"work was shed to keep to {shed['target_ms']:g} ms: step {shed['level']} of "
            f"{len(LADDER) - 1} at the end, {shed['deepest']} at the most"
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
    print(redact("\n".join(lines)), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run_command(main, None))
