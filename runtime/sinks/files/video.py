"""Annotated video."""

from __future__ import annotations

import logging
from pathlib import Path

import av

from runtime.errors import UserError
from runtime.messages import FrameResult
from runtime.sinks.files.segments import OutputFiles, Segments
from runtime.sinks.files.sound import Sound
from runtime.sinks.files.video_file import FORMATS, VideoFile
from runtime.support.files.writing import PRIVATE, check_writable
from runtime.vision.draw import annotate

log = logging.getLogger(__name__)


class VideoSink:
    """Annotated H.264 video in a fragmented MP4, playable up to the last second if killed.

    Each frame is shown for as long as the source showed it, with the sound that was there.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        mode: int = PRIVATE,
        sound: Sound | None = None,
        segments: Segments | None = None,
    ) -> None:
        """Remembers the path; the file is opened by the first result.

        Args:
            path: File to write, `.mp4`, `.mov` or `.mkv`.
            fps: Usual frames per second, for where times don't go on.
            mode: Permissions of the file.
            sound: The source's, which the sink closes; None for none.
            segments: Where it is cut into several videos, each with a time of its own from
                0; None for one file.

        Raises:
            UserError: The file can't be written.
        """
        self._suffix = path.suffix.lower()
        if self._suffix not in FORMATS:
            raise UserError(f"--output_video {path}: must end in .mp4, .mkv or .mov")
        check_writable(path, "--output_video")
        self.name = f"--output_video {path}"
        #: Its files.
        self.files = OutputFiles(path, mode, segments)
        self._fps, self._sound = fps, sound
        self._file: VideoFile | None = None
        self._end_s: float | None = None
        self._told = False

    def write(self, result: FrameResult) -> None:
        """See `Sink.write`."""
        try:
            if self.files.begins(result.time_s):
                self._finish(result.time_s)
                height, width = result.image.shape[:2]
                self._file = VideoFile(
                    *(self.files.open(), self._suffix, (width, height)),
                    *(self._fps, result.time_s, self._sound),
                )
                self._tell()
            if self._file is not None:
                self._file.add(annotate(result), result.time_s)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._abandon()
            raise UserError(f"{self.name}: {_failure(error)}") from error
        self._end_s = result.time_s + result.duration_s if result.duration_s else None

    def close(self) -> None:
        """See `Sink.close`."""
        try:
            self._finish(self._end_s)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UserError(f"{self.name}: {_failure(error)}") from error
        finally:
            self._abandon()
            self.files.close()
            if self._sound is not None:
                self._sound.close()

    def _finish(self, end_s: float | None) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close(end_s)

    def _abandon(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.abandon()

    def _tell(self) -> None:
        """Says once what is done to the sound."""
        if self._file is not None and self._file.sound and not self._told:
            log.info("the video's sound: %s", self._file.sound)
            self._told = True


def _failure(error: BaseException) -> str:
    return getattr(error, "strerror", None) or "can't be encoded"
