"""`python -m runtime.webcam`: emotions of the faces before a camera."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.errors import UserError
from runtime.options.webcam import WebcamOptions, pipeline_config
from runtime.support.cli import parse_options, run_command
from runtime.support.reasons import reason
from runtime.support.redaction import redact, start_log

if TYPE_CHECKING:
    from runtime.messages import FrameResult
    from runtime.pipeline.config import PipelineConfig
    from runtime.pipeline.pipeline import Pipeline
    from runtime.sinks.factory import SinkConfig
    from runtime.sinks.group import SinkGroup
    from runtime.sinks.window import WindowSink
    from runtime.support.shutdown import Shutdown

PROG = "python -m runtime.webcam"

#: Options that name a file to write.
_FILES = ("output_video", "output_json", "output_csv", "output_summary")

log = logging.getLogger("runtime")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(WebcamOptions, PROG, argv)
    start_log(logging.DEBUG if options.verbose else logging.INFO)
    run(options)
    return 0


def run(options: WebcamOptions) -> dict[str, Any]:
    """Runs until the source ends, the user quits or presses Ctrl-C.

    Returns:
        The pipeline's metrics (`Metrics.summary`), `shed` (`LoadShedding.figures`),
        `emotions` (faces by label) and `sinks` (`RemoteSink.counts` by kind).

    Raises:
        UserError: Something that the user can mend.
    """
    from runtime.options.protected_files import protected_files
    from runtime.pictures.kinds import SUFFIXES
    from runtime.sinks.factory import SinkConfig
    from runtime.sinks.group import SinkGroup
    from runtime.sources.gstreamer import check_only_output, named_files
    from runtime.support.files.inputs import check_apart
    from runtime.support.files.writing import check_writable, read_mode
    from runtime.support.shutdown import Shutdown
    from runtime.support.terminal import is_closed

    counts: Counter[str] = Counter()
    config = pipeline_config(options)
    sources = [str(source.source) for source in config.sources]
    files = {f"--{name}": getattr(options, name) for name in _FILES}
    read: list[str | Path] = [file for source in sources for file in named_files(source)]
    read += protected_files(
        options.engine,
        options.provider,
        options.temporal_head,
        options.detector_model,
        [
            options.config,
            *(source.tls_ca for source in config.sources),
            *(source.zones for source in config.sources if isinstance(source.zones, str)),
        ],
    )
    recursive = any(source.recursive for source in config.sources)
    check_apart(files, [*sources, *read], SUFFIXES, recursive)
    mode = read_mode(options.output_mode)
    if options.anonymize:
        for source in sources:
            check_only_output(source)
    outputs = SinkConfig(
        options.output_video,
        options.output_json,
        options.output_csv,
        mode,
        options.mqtt,
        options.webhook,
        options.webhook_batch,
        options.sound,
        options.anonymize,
        options.segment_s,
        options.max_disk_mb,
    )
    summary = options.output_summary
    if summary == "-" and is_closed(sys.stdout):
        raise UserError("--output_summary -: standard output is closed")
    if summary not in (None, "-"):
        check_writable(Path(summary), "--output_summary")
    sinks = SinkGroup()
    with Shutdown(lambda: sinks.busy) as shutdown:
        metrics: dict[str, Any] = {}
        try:
            _run(options, config, outputs, sinks, counts, shutdown, metrics)
        except Exception:
            # What ended the run must not hide behind a summary that can't be written either.
            if metrics.get("frames"):
                try:
                    _summarise(metrics, counts, sinks, summary, mode)
                except (UserError, OSError) as error:
                    log.warning("no summary: %s", reason(error))
            raise
        _summarise(metrics, counts, sinks, summary, mode)
        written = sinks.written()
        for flag, file in files.items():
            if file not in (None, "-") and (metrics["frames"] or flag == "--output_summary"):
                log.info("wrote %s", written.get(str(Path(file)), file))
    return metrics


def _summarise(
    metrics: dict[str, Any], counts: Counter[str], sinks: SinkGroup, file: str | None, mode: int
) -> None:
    """Completes the metrics, prints them, and writes them where that was asked for."""
    from runtime.pipeline.summary import summary_lines
    from runtime.support.files.writing import write_whole

    metrics |= {"emotions": dict(counts), "sinks": sinks.counts()}
    print(redact("\n".join(summary_lines(metrics, counts))), file=sys.stderr)
    if file is None:
        return
    text = json.dumps(metrics, indent=2) + "\n"
    if file == "-":
        print(text, end="", flush=True)
    else:
        write_whole(Path(file), text, "--output_summary", mode)


def _run(
    options: WebcamOptions,
    config: PipelineConfig,
    outputs: SinkConfig,
    sinks: SinkGroup,
    counts: Counter[str],
    shutdown: Shutdown,
    metrics: dict[str, Any],
) -> None:
    """Opens everything, runs, closes everything; `metrics` gets the pipeline's and `shed`.

    It gets them also where the run fails after its start.
    """
    from runtime.pipeline.pipeline import Pipeline
    from runtime.sinks import factory as opening

    monitor = None
    try:
        opening.open_remote(outputs, sinks)
        if options.metrics_port is not None:
            from runtime.telemetry.server import Monitor

            monitor = Monitor(options.metrics_host, options.metrics_port)
        window = None if options.headless else opening.open_window(sinks)
        with Pipeline(config) as pipeline:
            log.info("engine: %s", getattr(pipeline.engine, "name", options.engine))
            log.info("detector: %s at %d pixels", options.detector, options.detect_size)
            log.info("source: %s", ", ".join(source.name for source in pipeline.sources))
            labels = pipeline.engine.manifest.labels
            opening.open_files(outputs, labels, pipeline.sources, sinks)
            if window is not None:
                window.name_sources([source.name for source in pipeline.sources])
                # A window answers its keys also while a source is silent.
                pipeline.on_wait = partial(_poll_window, window, pipeline)
            if monitor is not None:
                monitor.watch(pipeline, sinks.counts)
            shutdown.stop = pipeline.stop
            try:
                for result in _anonymized(pipeline) if options.anonymize else pipeline:
                    sinks.write(result)
                    for face in result.faces:
                        counts["uncertain" if face.uncertain else face.emotion] += 1
                    if window is not None and window.closed:
                        break
            finally:
                metrics |= pipeline.metrics.summary()
                metrics["shed"] = pipeline.load_shedding.figures()
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


if __name__ == "__main__":
    sys.exit(run_command(main, None))
