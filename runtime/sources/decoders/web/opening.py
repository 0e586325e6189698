"""What a web server's answer is: parts of a stream, a single picture, a page, or video."""

from __future__ import annotations

import re

from runtime.errors import Unreachable
from runtime.sources.decoders.http import PLAYLIST, HttpFile
from runtime.sources.decoders.http_connection import Allowance
from runtime.sources.decoders.web.motion_jpeg import MotionJpeg
from runtime.sources.decoders.web.snapshot import LastPicture, Snapshots

#: Bytes of an answer that tell what it is; of a text there may be more before its sense.
_FEW, _SOME = 16, 512

#: How pictures begin that aren't moving pictures themselves.
_PICTURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|BM|II\*\0|MM\0\*|RIFF....WEBP|....ftyp(?:avif|heic|heix|mif1)",
    re.DOTALL,
)

#: Media types of pictures that may move; FFmpeg reads those.
_MOVING = ("image/gif", "image/apng")


def opened_here(
    file: HttpFile, allowance: Allowance, poll_fps: float, last: LastPicture | None
) -> MotionJpeg | Snapshots | None:
    """Opens what is read without FFmpeg.

    Args:
        file: The answer, of which nothing was read yet; freed where something else is returned.
        allowance: What the server may take; its time for the opening runs already.
        poll_fps: For single pictures, see `Snapshots`.
        last: The same; None where there is no other connection.

    Returns:
        None where it may be a video, for FFmpeg; nothing is taken of it then.

    Raises:
        Unreachable: It is a web page, or pictures that never come.
    """
    kind = file.kind
    head = file.peek(_FEW)
    text = kind.startswith("text/") or kind.endswith(("html", "json", "xml"))
    if text and not _PICTURE.match(head):
        head = file.peek(_SOME)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    picture = _PICTURE.match(head) is not None
    if start.startswith(b"--") or (kind.startswith("multipart/") and not picture):
        return MotionJpeg(file, file.boundary, allowance)
    if kind not in _MOVING and (
        kind.startswith("image/") or (picture and file.size and not kind.startswith("video/"))
    ):
        file.close()
        return Snapshots(*file.asked_again(), allowance, poll_fps, last or LastPicture())
    if start.startswith(PLAYLIST):
        return None
    binary = re.search(rb"[\x00-\x08\x0e-\x1f]", head) is not None  # mislabelled, perhaps
    if re.match(rb"(?i)<!doctype html|<html|<head|<body|<!--", start) or (
        kind == "text/html" and not binary
    ):
        raise Unreachable("sends a web page, not video: its address may need another path or login")
    if re.match(rb"(?s)<\?xml.*<MPD|<MPD", start) or kind == "application/dash+xml":
        raise Unreachable(
            "sends a DASH playlist, which can't be read; cameras and servers that "
            "have one often have HLS (.m3u8) or RTSP, too"
        )
    if (kind in ("application/json", "text/xml", "application/xml") and not binary) or (
        kind.startswith("audio/") and "mpegurl" not in kind
    ):
        raise Unreachable(f"sends {kind}, not video")
    return None
