"""Opens the sinks that the options ask for, and imports no others."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import UserError
from runtime.sinks.group import SinkGroup
from runtime.sinks.sound_source import open_sound

if TYPE_CHECKING:
    from runtime.sinks.files.segments import Segments
    from runtime.sinks.remote.queue import Transport
    from runtime.sinks.window import WindowSink
    from runtime.sources.base import Source

log = logging.getLogger("runtime")

#: Seconds of a segment where only a limit on disk is asked for.
SEGMENT_S = 60.0


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
        sound: Whether the video has its source's sound; None: unless it is anonymized.
        anonymized: Whether the results' pictures show no faces.
        segment_s: Media time in seconds after which these files are cut; None for never.
        max_disk_mb: Most megabytes that the finished segments may take, the oldest of
            which are removed first; None for no limit.
    """

    video: str | None = None
    json: str | None = None
    csv: str | None = None
    mode: int = 0o600
    mqtt: str | None = None
    webhook: str | None = None
    webhook_batch: int = 1
    sound: bool | None = None
    anonymized: bool = False
    segment_s: float | None = None
    max_disk_mb: float | None = None

    def __post_init__(self) -> None:
        """Refuses segments of nothing, and of standard output.

        Raises:
            UserError: Says which.
        """
        if self.segment_s is None and self.max_disk_mb is None:
            return
        flag = "--max_disk_mb" if self.segment_s is None else "--segment_s"
        if not self.files:
            raise UserError(f"{flag} needs --output_video, --output_json or --output_csv")
        for file in self.files:
            if file == "-" or (os.path.exists(file) and not os.path.isfile(file)):
                what = "standard output" if file == "-" else file
                raise UserError(f"{flag} cuts files, and {what} is none: name a file")

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are asked for, `-` among them."""
        return tuple(file for file in (self.video, self.json, self.csv) if file)

    def segments(self) -> Segments | None:
        """Where the files of a run are cut; None for nowhere."""
        if self.segment_s is None and self.max_disk_mb is None:
            return None
        from runtime.sinks.files.segments import Segments

        most = None if self.max_disk_mb is None else round(self.max_disk_mb * 1e6)
        paths = [Path(file) for file in self.files]
        return Segments(self.segment_s or SEGMENT_S, paths, most)


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
    config: SinkConfig, labels: Sequence[str], sources: Sequence[Source], sinks: SinkGroup
) -> None:
    """Adds files, whose form follows the model's labels and the source's frame rate.

    Args:
        config: Which files.
        labels: The model's.
        sources: The run's.
        sinks: Gets them.

    Raises:
        UserError: A file can't be written.
    """
    from runtime.sinks.files.csv import CsvSink
    from runtime.sinks.files.jsonl import JsonSink

    segments = config.segments()
    if config.json:
        sinks.add(JsonSink(config.json, config.mode, segments))
    if config.csv:
        sinks.add(CsvSink(config.csv, labels, config.mode, segments))
    if config.video:
        from runtime.sinks.files.video import VideoSink

        if len(sources) > 1:
            raise UserError("--output_video takes a single --source")
        source = sources[0]
        sound = open_sound(source, config.sound, config.anonymized)
        sinks.add(VideoSink(Path(config.video), source.fps, config.mode, sound, segments))
