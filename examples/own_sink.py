"""A sink of your own: how long each emotion was shown, beside the shipped JSON lines.

    python examples/own_sink.py [SOURCE] [--json FILE] [--max_frames N]

A sink has a name, `write(result)` and `close()`, and no base class. All are called on the
thread that reads the results. One that may be slow should hand over to a thread and a queue
of its own, as those for MQTT and webhooks do, so that it never holds the pipeline.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from contextlib import closing

from emotion_edge import FrameResult, Pipeline, PipelineConfig, SourceConfig, UserError
from runtime.sinks.files.jsonl import JsonSink
from runtime.sinks.group import SinkGroup


class Tally:
    """Seconds that each emotion was shown, over all faces; prints them at the end."""

    name = "the tally"

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._before: dict[int, float] = {}  # the media time of each stream's last frame

    def write(self, result: FrameResult) -> None:
        """Adds the time since the stream's last frame to what its faces show now."""
        stream = result.stream or 0
        elapsed = max(0.0, result.time_s - self._before.get(stream, result.time_s))
        self._before[stream] = result.time_s
        for face in result.faces:
            self._seconds["uncertain" if face.uncertain else face.emotion] += elapsed

    def close(self) -> None:
        """Prints the times, once."""
        for emotion, seconds in sorted(self._seconds.items(), key=lambda item: -item[1]):
            print(f"{emotion}: {seconds:.1f} s")
        self._seconds.clear()


def main() -> int:
    """Runs a source into both sinks."""
    parser = argparse.ArgumentParser(description="How long each emotion was shown.")
    parser.add_argument("source", nargs="?", default="demo", help="what --source takes")
    parser.add_argument("--json", help="file of JSON lines, too")
    parser.add_argument("--max_frames", type=int)
    options = parser.parse_args()

    config = PipelineConfig((SourceConfig(options.source),), max_frames=options.max_frames)
    sinks = SinkGroup()  # writes to each, and closes all of them, also after one fails
    sinks.add(Tally())
    if options.json:
        sinks.add(JsonSink(options.json))
    with closing(sinks), Pipeline(config) as pipeline:
        for result in pipeline:
            sinks.write(result)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
