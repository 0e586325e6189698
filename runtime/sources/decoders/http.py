"""What an HTTP server sends, for FFmpeg to read.

FFmpeg's own HTTP has no limit but a time for each read, and hands no TLS option on to
the parts of a playlist; `http_connection` says what is better here.
"""

from __future__ import annotations

import http.client
import io
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from runtime.errors import SourceError, Unreachable
from runtime.sources.decoders.http_connection import Allowance, failed, make_opener, refused
from runtime.support.net.tls import Tls
from runtime.support.net.urls import request_target

#: A seek that goes on by so little reads over what is between, in bytes.
_NEAR = 1 << 18

#: How a playlist begins, and how large one may be: its parts take up much more in memory.
PLAYLIST, _PLAYLIST_BYTES = b"#EXTM3U", 4_000_000


class HttpFile:
    """One resource, read from its start; a file for PyAV.

    `seek` is there where the server gives parts.
    """

    def __init__(
        self, url: str, allowance: Allowance, tls: Tls, offset: int = 0, end: int = 0
    ) -> None:
        """Asks for it.

        Args:
            url: http or https; may hold user and password, for basic or digest
                authentication.
            allowance: What the server may take; may be shared.
            tls: Whom to trust.
            offset: First byte wanted.
            end: Byte to end before; 0 for none.

        Raises:
            Unreachable: The server isn't there, or gives something else.
            SourceError: It leads elsewhere.
        """
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise SourceError("a malformed URL") from None  # it may quote a password
        if not host:
            raise SourceError("a URL without a host")
        netloc = parts.netloc.rpartition("@")[2]
        self._url = f"{parts.scheme}://{netloc}{request_target(parts.path, parts.query)}"
        self._allowance, self._end = allowance, end
        self._login = (
            *(allowance, tls, f"{parts.scheme}://{netloc}"),
            *(parts.username, parts.password),
        )
        self._opener = make_opener(*self._login)
        self._position = offset
        #: Why there was no more to read; empty at a sound end.
        self.failure = ""
        self._peeked = b""
        self._response = self._ask()
        #: For FFmpeg, which goes by its suffix, and resolves a playlist's parts against it.
        self.name: str = self._response.url
        self._head = b""
        headers = self._response.headers
        #: Media type, such as `multipart/x-mixed-replace`.
        self.kind: str = headers.get_content_type()
        self._gives_parts: bool = headers.get("Accept-Ranges", "").lower() == "bytes"
        length = headers.get("Content-Length", "")
        #: As the header of a multipart answer has it, perhaps wrongly; empty where it has none.
        self.boundary: str = headers.get_boundary("")
        self._size = offset + int(length) if length.isdecimal() and len(length) < 16 else None

    def read(self, size: int) -> bytes:
        """What is there, at most so many bytes; empty at the end, and after a failure.

        FFmpeg calls it, and can't be told of an exception.
        """
        if self._peeked:
            data, self._peeked = self._peeked[:size], self._peeked[size:]
            self._position += len(data)
            return data
        return self._fetch(size)

    def peek(self, size: int) -> bytes:
        """What `read` will give first, at most so many bytes: fewer at the end or a failure.

        For a new file alone; `seek` forgets it.
        """
        while len(self._peeked) < size:
            data = self._fetch(size - len(self._peeked))
            if not data:
                break
            # It isn't given yet.
            self._position -= len(data)
            self._peeked += data
        return self._peeked

    def is_playlist(self) -> bool:
        """Whether it begins as a playlist does; for a new file alone."""
        return self.peek(len(PLAYLIST)).startswith(PLAYLIST)

    def _fetch(self, size: int) -> bytes:
        try:
            if self._response is None:
                self._response = self._ask()
            data: bytes = self._response.read1(size)
        except (SourceError, OSError, http.client.HTTPException, ValueError) as error:
            # The first tells: a socket that timed out is only broken from then on.
            text = str(error) if isinstance(error, SourceError) else failed(error)
            self.failure = self.failure or text
            return b""
        self._position += len(data)
        if len(self._head) < len(PLAYLIST):
            self._head = (self._head + data)[: len(PLAYLIST)]
        if self._head == PLAYLIST and self._position > _PLAYLIST_BYTES:
            self.failure = "sends a playlist of more than any video could need"
            self._allowance.interrupt()  # or its parts would be tried one by one
            return b""
        return data

    @property
    def size(self) -> int | None:
        """Its length in bytes; None where the server doesn't say."""
        return self._size

    def asked_again(self) -> tuple[str, urllib.request.OpenerDirector]:
        """Its URL without user and password, and what opens that again over one connection."""
        return self._url, make_opener(*self._login, keep=True)

    def seekable(self) -> bool:
        """Whether the server gives parts."""
        return self._gives_parts

    def tell(self) -> int:
        """Position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a byte, counted from the start, from here or from the end.

        Returns:
            The new position; -1 where the end is unknown.
        """
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            if self._size is None:
                return -1
            offset += self._size
        ahead = offset - self._position
        if 0 < ahead <= _NEAR:
            while self._position < offset and self.read(offset - self._position):
                pass
        if offset != self._position:
            self.close()
            self._position = offset
            self._peeked = b""
        return offset

    def close(self) -> None:
        """Ends the connection; a later `read` makes a new one."""
        response, self._response = self._response, None
        if response is not None:
            response.close()

    def _ask(self) -> Any:
        headers = {"User-Agent": "emotion-edge", "Accept": "*/*"}
        if self._position or self._end:
            last = str(self._end - 1) if self._end else ""
            headers["Range"] = f"bytes={self._position}-{last}"
        request = urllib.request.Request(self._url, headers=headers)
        try:
            return self._opener.open(request)
        except urllib.error.HTTPError as error:
            error.close()
            raise Unreachable(refused(error.code)) from error
        except urllib.error.URLError as error:
            raise Unreachable(failed(error.reason)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(failed(error)) from error
