"""JSON lines."""

from __future__ import annotations

import json

from runtime.messages import FrameResult
from runtime.sinks.files.lines import LineFile
from runtime.sinks.files.segments import Segments
from runtime.support.files.writing import PRIVATE
from runtime.support.redaction import unicode_text


def to_line(result: FrameResult) -> str:
    r"""The JSON object of a frame as one line, without its end.

    Bytes of a file's name that are no text are written as `\xe9`: strict readers refuse the
    half of a pair of characters that Python has in their place.
    """
    return json.dumps(
        {k: unicode_text(v) if isinstance(v, str) else v for k, v in result.to_dict().items()},
        separators=(",", ":"),
    )


class JsonSink:
    """One JSON object a frame and line; `-` is standard output."""

    def __init__(self, path: str, mode: int = PRIVATE, segments: Segments | None = None) -> None:
        """Remembers the path; the file is opened by the first result.

        Args:
            path: File to write, or `-`.
            mode: Permissions of the file.
            segments: Where it is cut into several; None for one file.

        Raises:
            UserError: The file can't be written.
        """
        self._file = LineFile(path, "--output_json", mode, segments)
        self.name, self.files = self._file.name, self._file.files

    def write(self, result: FrameResult) -> None:
        """See `Sink.write`."""
        self._file.begins(result.time_s)
        self._file.add(to_line(result) + "\n")

    def close(self) -> None:
        """See `Sink.close`."""
        self._file.close()
