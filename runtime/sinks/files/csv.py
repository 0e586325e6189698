"""CSV, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from runtime.messages import FrameResult
from runtime.sinks.files.lines import LineFile
from runtime.sinks.files.segments import Segments
from runtime.support.files.writing import PRIVATE

#: Columns before the labels' probabilities.
COLUMNS = (
    *("stream", "frame", "time_s", "track", "x1", "y1", "x2", "y2"),
    *("score", "emotion", "confidence", "uncertain"),
)


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
    ) -> None:
        """Remembers the path; the file is opened by the first result.

        Args:
            path: File to write, or `-`.
            labels: The model's labels; each has a column for its probability.
            mode: Permissions of the file.
            segments: Where it is cut into several, each under a header; None for one file.

        Raises:
            UserError: The file can't be written.
        """
        self._file = LineFile(path, "--output_csv", mode, segments)
        self.name, self.files = self._file.name, self._file.files
        self._labels = tuple(labels)

    def write(self, result: FrameResult) -> None:
        """See `Sink.write`."""
        buffer = io.StringIO()
        rows = csv.writer(buffer, lineterminator="\n")
        if self._file.begins(result.time_s):
            rows.writerow((*COLUMNS, *self._labels))
        for face in result.faces:
            # The same rounding as in the JSON lines.
            values = face.to_dict()
            rows.writerow(
                (
                    *("" if result.stream is None else result.stream, result.frame),
                    *(round(result.time_s, 4), face.track, *values["box"]),
                    *(values["score"], face.emotion, values["confidence"]),
                    "true" if face.uncertain else "false",
                    *(values["probabilities"].get(label, "") for label in self._labels),
                )
            )
        self._file.add(buffer.getvalue())

    def close(self) -> None:
        """See `Sink.close`."""
        self._file.close()
