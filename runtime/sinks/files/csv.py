"""CSV, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from runtime.messages import FrameResult
from runtime.sinks.files.lines import LineFile
from runtime.sinks.files.segments import Segments
from runtime.support.files.writing import PRIVATE
from runtime.support.redaction import printable

#: Columns before the labels' probabilities.
COLUMNS = (
    *("stream", "frame", "time_s", "track", "x1", "y1", "x2", "y2"),
    *("score", "emotion", "confidence", "uncertain"),
)

#: Columns after them: older scripts that count columns go on. A single picture has a
#: `path` in place of `name`, as in the JSON lines.
LAST = ("source", "at", "name", "zone")
LAST_OF_PICTURES = ("source", "at", "path", "zone")


class CsvSink:
    """One row a face and frame, under a header; `-` is standard output.

    A frame without a face adds no row.
    """

    def __init__(
        self,
        path: str,
        labels: Sequence[str],
        mode: int = PRIVATE,
        segments: Segments | None = None,
        pictures: bool = False,
    ) -> None:
        """Remembers the path; the file is opened by the first result.

        Args:
            path: File to write, or `-`.
            labels: The model's labels; each has a column for its probability.
            mode: Permissions of the file.
            segments: Where it is cut into several, each under a header; None for one file.
            pictures: Results are of single pictures, which have a path in place of stream,
                frame, time and track.

        Raises:
            UserError: The file can't be written.
        """
        self._file = LineFile(path, "--output_csv", mode, segments)
        self.name, self.files = self._file.name, self._file.files
        self._labels = tuple(labels)
        self._last = LAST_OF_PICTURES if pictures else LAST

    def write(self, result: FrameResult) -> None:
        """See `Sink.write`."""
        buffer = io.StringIO()
        rows = csv.writer(buffer, lineterminator="\n")
        if self._file.begins(result.time_s):
            rows.writerow((*COLUMNS, *self._labels, *self._last))
        # The same values, and rounding, as in the JSON lines.
        frame = result.to_dict()
        for values in frame["faces"]:
            rows.writerow(
                (
                    *(frame.get(key, "") for key in ("stream", "frame", "time_s")),
                    *("" if result.stream is None else values["track"], *values["box"]),
                    *(values["score"], values["emotion"], values["confidence"]),
                    "true" if values["uncertain"] else "false",
                    *(values["probabilities"].get(label, "") for label in self._labels),
                    # The bytes of a file's name may be no text.
                    *(printable(frame.get(key, values.get(key, ""))) for key in self._last),
                )
            )
        self._file.add(buffer.getvalue())

    def close(self) -> None:
        """See `Sink.close`."""
        self._file.close()
