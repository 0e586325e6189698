"""Cameras that give single pictures: asked for again and again over one connection."""

from __future__ import annotations

import hashlib
import http.client
import logging
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from runtime.errors import SourceError, Unreachable
from runtime.pictures.reading import decode_picture
from runtime.sources.decoders import base
from runtime.sources.decoders.base import Stamped
from runtime.sources.decoders.http_connection import Allowance, failed, refused
from runtime.sources.decoders.web.multipart import PART_BYTES
from runtime.vision.picture import Picture

log = logging.getLogger(__name__)

#: The same picture for so long, in seconds and in polls, means that a camera is frozen.
_FROZEN_S, _FROZEN_POLLS = 60.0, 10

#: Broken pictures in a row that are passed over.
_BROKEN_IN_A_ROW = 5


@dataclass
class LastPicture:
    """What a camera gave last; outlives its connections.

    Attributes:
        digest: Of its bytes; empty before the first.
        tag: The server's own mark of it (`ETag`), empty where it sends none.
        frozen: Whether the camera was given up because this never changed.
    """

    digest: bytes = b""
    tag: str = ""
    frozen: bool = False


class Snapshots:
    """A `Capture` that polls; a picture that was there already is no new frame."""

    frames = 0
    #: A picture is as old as its answer, however long none was new.
    silence_s = float("inf")

    def __init__(
        self,
        url: str,
        opener: urllib.request.OpenerDirector,
        allowance: Allowance,
        poll_fps: float,
        last: LastPicture,
    ) -> None:
        """Asks for the first picture.

        Args:
            url: Without user and password, which the opener knows.
            opener: Keeps its connection; freed by `close`.
            allowance: What the server may take for a picture.
            poll_fps: Pictures asked for in a second, at most.
            last: The last picture of the same source.

        Raises:
            Unreachable: There is none, or still the one at which the camera was given up.
        """
        self._url, self._opener, self._allowance, self._last = url, opener, allowance, last
        self.fps = poll_fps
        self._interrupted = threading.Event()
        self._due = time.monotonic()
        self._broken = 0
        self.ended = False
        self.failure = ""
        self._first = self._poll()
        if self._first is None and last.frozen and not self.ended:
            self.failure = "still gives the same picture"
        if self.failure:
            self.close()
            raise Unreachable(self.failure)
        last.frozen = False

    def read(self) -> Stamped | None:
        """See `Capture.read`; waits for the next new picture."""
        picture, self._first = self._first, None
        began, polls = time.monotonic(), 0
        while picture is None and not self.ended:
            if self._interrupted.wait(max(0.0, self._due - time.monotonic())):
                return None
            picture = self._poll()
            polls += 1
            same_s = time.monotonic() - began
            if picture is None and same_s > _FROZEN_S and polls >= _FROZEN_POLLS:
                self.ended = self._last.frozen = True
                self.failure = f"has given the same picture for {same_s:.0f} s"
        return None if picture is None else (picture, None)

    def interrupt(self) -> None:
        """Ends the waiting in `read`. For another thread."""
        self._interrupted.set()
        self._allowance.interrupt()

    def close(self) -> None:
        """Frees the connection."""
        self.ended = True
        self._opener.close()

    def _poll(self) -> Picture | None:
        """The picture that is there now; None where it is no new one, or broken."""
        try:
            return self._ask()
        except SourceError as error:
            self.ended, self.failure = True, str(error)
            return None

    def _ask(self) -> Picture | None:
        """As `_poll`.

        Raises:
            SourceError: The connection or what comes over it is given up; says why.
        """
        self._due = max(self._due + 1 / self.fps, time.monotonic())
        self._allowance.renew(base.TIMEOUT_S, PART_BYTES)
        headers = {"User-Agent": "emotion-edge", "Accept": "*/*", "Cache-Control": "no-cache"}
        if self._last.tag:
            headers["If-None-Match"] = self._last.tag
        try:
            with self._opener.open(urllib.request.Request(self._url, headers=headers)) as answer:
                data: bytes = answer.read(PART_BYTES)
                tag = _tag_of(answer.headers)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.NOT_MODIFIED and self._last.tag:
                return None
            raise Unreachable(refused(error.code)) from error
        except urllib.error.URLError as error:
            raise Unreachable(failed(error.reason)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(failed(error)) from error
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if digest == self._last.digest:
            return None
        try:
            picture = Picture(decode_picture(data, "its picture"))
        except SourceError as error:
            self._broken += 1
            log.debug("a snapshot is passed over: %s", error)
            if self._broken >= _BROKEN_IN_A_ROW or not self._last.digest:
                raise Unreachable(f"sends no picture that can be read: {error}") from error
            return None
        self._broken = 0
        self._last.digest, self._last.tag = digest, tag
        return picture


def _tag_of(headers: Any) -> str:
    """A server's own mark of a picture, where it is one that can be sent back."""
    tag = headers.get("ETag", "")
    return tag if 2 < len(tag) < 200 and tag.isascii() and tag.isprintable() else ""
