"""Opens the sinks that the options ask for, and imports no others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import UserError
from runtime.sinks.group import SinkGroup

if TYPE_CHECKING:
    from runtime.sinks.remote.queue import Transport
    from runtime.sinks.window import WindowSink

log = logging.getLogger("runtime")


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """Which sinks there are, the window aside.

    Attributes:
        video: Annotated video's file (.mp4).
        json: File of a JSON line a frame; `-` is standard output.
        csv: File of a CSV row a face and frame; `-` is standard output.
        mode: Permissions of these files.
        mqtt: URL of the broker and topic that gets each frame's JSON.
        webhook: URL that each frame's JSON is posted to.
        webhook_batch: Most frames in one POST.
    """

    video: str | None = None
    json: str | None = None
    csv: str | None = None
    mode: int = 0o600
    mqtt: str | None = None
    webhook: str | None = None
    webhook_batch: int = 1


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


def open_remote(config: SinkConfig, sinks: SinkGroup) -> None:
    """Adds sinks that send; before the models are loaded, so that a wrong URL shows at once.

    Raises:
        UserError: A URL is wrong, or a package is missing.
    """
    from runtime.sinks.remote.queue import RemoteSink

    transports: list[Transport] = []
    if config.mqtt:
        from runtime.sinks.remote.mqtt import Mqtt

        transports.append(Mqtt(config.mqtt))
    if config.webhook:
        from runtime.sinks.remote.webhook import Webhook

        transports.append(Webhook(config.webhook, config.webhook_batch))
    for transport in transports:
        sinks.add(RemoteSink(transport))


def open_files(
    config: SinkConfig, labels: Sequence[str], rates: Sequence[float], sinks: SinkGroup
) -> None:
    """Adds files, whose form follows the model's labels and the source's frame rate.

    Args:
        config: Which files.
        labels: The model's.
        rates: Frames per second of each source.
        sinks: Gets them.

    Raises:
        UserError: A file can't be written.
    """
    from runtime.sinks.files.csv import CsvSink
    from runtime.sinks.files.jsonl import JsonSink

    if config.json:
        sinks.add(JsonSink(config.json, config.mode))
    if config.csv:
        sinks.add(CsvSink(config.csv, labels, config.mode))
    if config.video:
        from runtime.sinks.files.video import VideoSink

        if len(rates) > 1:
            raise UserError("--output_video takes a single --source")
        sinks.add(VideoSink(Path(config.video), rates[0], config.mode))
