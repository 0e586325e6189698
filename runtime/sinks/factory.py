"""Opens the sinks that the options ask for, and imports no others."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import UserError
from runtime.sinks.group import SinkGroup

if TYPE_CHECKING:
    from runtime.pipeline.pipeline import Pipeline
    from runtime.sinks.remote.queue import Transport
    from runtime.sinks.window import WindowSink
    from runtime.webcam import Options

log = logging.getLogger("runtime")


def open_window(sinks: SinkGroup) -> WindowSink | None:
    """The window; None, with a line in the log, where no display answers."""
    from runtime.sinks.window import NoDisplay, WindowSink

    try:
        window = WindowSink("emotion")
    except NoDisplay as error:
        log.info("headless: %s", error)
        return None
    sinks.add(window)
    return window


def open_remote(options: Options, sinks: SinkGroup) -> None:
    """Sinks that send; before the models are loaded, so that a wrong URL shows at once.

    Raises:
        UserError: A URL is wrong, or a package is missing.
    """
    from runtime.sinks.remote.queue import RemoteSink

    transports: list[Transport] = []
    if options.mqtt:
        from runtime.sinks.remote.mqtt import Mqtt

        transports.append(Mqtt(options.mqtt))
    if options.webhook:
        from runtime.sinks.remote.webhook import Webhook

        transports.append(Webhook(options.webhook, options.webhook_batch))
    for transport in transports:
        sinks.add(RemoteSink(transport))


def open_files(options: Options, pipeline: Pipeline, sinks: SinkGroup) -> None:
    """Files; their form follows the model's labels and the source's rate.

    Raises:
        UserError: A file can't be written.
    """
    from runtime.sinks.files.csv import CsvSink
    from runtime.sinks.files.jsonl import JsonSink
    from runtime.support.files.writing import read_mode

    mode = read_mode(options.output_mode)
    if options.output_json:
        sinks.add(JsonSink(options.output_json, mode))
    if options.output_csv:
        sinks.add(CsvSink(options.output_csv, pipeline.engine.manifest.labels, mode))
    if options.output_video:
        from runtime.sinks.files.video import VideoSink

        if len(pipeline.sources) > 1:
            raise UserError("--output_video takes a single --source")
        sinks.add(VideoSink(Path(options.output_video), pipeline.sources[0].fps, mode))
