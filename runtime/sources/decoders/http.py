"""What an HTTP server sends, for FFmpeg to read.

FFmpeg's own HTTP has no limit but a time for each read, and hands no TLS option on to
the parts of a playlist. Here every byte of a connection (answer, headers, body,
however many requests it takes) counts against one `Allowance`, certificates are
verified, and a redirect never leads from https to http nor takes a password along.
"""

from __future__ import annotations

import errno
import http.client
import io
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
import weakref
from typing import Any
from urllib.parse import unquote, urlsplit

from runtime.errors import SourceError, Unreachable, UserError
from runtime.support.net.sockets import LimitedSocket, dial
from runtime.support.net.tls import Tls
from runtime.support.net.urls import request_target
from runtime.support.reasons import connection_reason
from runtime.support.redaction import shown_address

#: A seek that goes on by so little reads over what is between, in bytes.
_NEAR = 1 << 18

#: How a playlist begins, and how large one may be: its parts take up much more in memory.
_PLAYLIST, _PLAYLIST_BYTES = b"#EXTM3U", 4_000_000


class Allowance:
    """Time and bytes that a server may take, until it is renewed; for all its connections."""

    def __init__(self) -> None:
        """Starts with nothing; see `renew`."""
        self._deadline, self._bytes = 0.0, 0
        self._lines: weakref.WeakSet[LimitedSocket] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._interrupted = False

    def renew(self, seconds: float, size: int) -> None:
        """Gives a new allowance to what is open and what will be.

        Args:
            seconds: Until every step on a connection fails.
            size: Bytes that may come on each in that time.
        """
        self._deadline, self._bytes = time.monotonic() + seconds, size
        for line in self._known():
            line.limit(seconds, size)

    def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> LimitedSocket:
        """Makes a connection that keeps to it, in the time that others have left of it.

        Raises:
            OSError: It failed, or reading was interrupted.
        """
        line = dial(host, port, self._deadline - time.monotonic(), self._bytes, tls=tls)
        with self._lock:
            self._lines.add(line)
        if self._interrupted:
            line.close()
            raise TimeoutError("interrupted")
        return line

    def interrupt(self) -> None:
        """Ends every read, now and later. For another thread."""
        self._interrupted = True
        for line in self._known():
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed by now
                pass

    def _known(self) -> list[LimitedSocket]:
        with self._lock:
            return list(self._lines)


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Makes connections that keep to an allowance."""

    def __init__(self, allowance: Allowance, tls: Tls) -> None:
        urllib.request.HTTPHandler.__init__(self)
        self._allowance, self._tls = allowance, tls

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self._open(req, http.client.HTTP_PORT, None)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        try:
            context = self._tls.context()
        except UserError as error:  # a redirect may be the first to need one
            raise SourceError(str(error)) from error
        return self._open(req, http.client.HTTPS_PORT, context)

    def _open(
        self, request: urllib.request.Request, usual: int, context: ssl.SSLContext | None
    ) -> http.client.HTTPResponse:
        allowance = self._allowance

        class Connection(http.client.HTTPConnection):
            default_port = usual

            def connect(self) -> None:
                self.sock = allowance.connect(self.host, self.port, context)

        return self.do_open(Connection, request)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        fp.close()  # else all that comes with it would be read, into memory
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        check_step(req.full_url, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_step(before: str, after: str) -> None:
    """Refuses where a server may not lead: out of HTTP, or out of TLS.

    Raises:
        SourceError: It does.
    """
    old, new = urlsplit(before).scheme.lower(), urlsplit(after).scheme.lower()
    if new not in ("http", "https") or (old, new) == ("https", "http"):
        raise SourceError(f"{shown_address(before)}: leads to {new}://, which is not followed")


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
        except ValueError as error:
            raise SourceError("a malformed URL") from error
        if not host:
            raise SourceError("a URL without a host")
        netloc = parts.netloc.rpartition("@")[2]
        self._url = f"{parts.scheme}://{netloc}{request_target(parts.path, parts.query)}"
        self._allowance, self._tls, self._end = allowance, tls, end
        self._opener = urllib.request.OpenerDirector()
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        if parts.username is not None:
            user, password = unquote(parts.username), unquote(parts.password or "")
            # For this server alone, wherever it leads.
            passwords.add_password(None, f"{parts.scheme}://{netloc}/", user, password)
        # No proxies of the environment: frames come from where the operator says.
        for handler in (
            _Handler(allowance, tls),
            _Redirects(),
            urllib.request.HTTPBasicAuthHandler(passwords),
            urllib.request.HTTPDigestAuthHandler(passwords),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)
        self._position = offset
        #: Why there was no more to read; empty at a sound end.
        self.failure = ""
        self._response = self._ask()
        #: For FFmpeg, which goes by its suffix, and resolves a playlist's parts against it.
        self.name: str = self._response.url
        self._head = b""
        headers = self._response.headers
        #: Media type, such as `multipart/x-mixed-replace`.
        self.kind: str = headers.get_content_type()
        self._gives_parts: bool = headers.get("Accept-Ranges", "").lower() == "bytes"
        length = headers.get("Content-Length", "")
        self._size = offset + int(length) if length.isdecimal() and len(length) < 16 else None

    def read(self, size: int) -> bytes:
        """What is there, at most so many bytes; empty at the end, and after a failure.

        FFmpeg calls it, and can't be told of an exception.
        """
        try:
            if self._response is None:
                self._response = self._ask()
            data: bytes = self._response.read1(size)
        except (SourceError, OSError, http.client.HTTPException, ValueError) as error:
            self.failure = str(error) if isinstance(error, SourceError) else _failed(error)
            return b""
        self._position += len(data)
        if len(self._head) < len(_PLAYLIST):
            self._head = (self._head + data)[: len(_PLAYLIST)]
        if self._head == _PLAYLIST and self._position > _PLAYLIST_BYTES:
            self.failure = "sends a playlist of more than any film could need"
            self._allowance.interrupt()  # or its parts would be tried one by one
            return b""
        return data

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
            raise Unreachable(_refused(error.code)) from error
        except urllib.error.URLError as error:
            raise Unreachable(_failed(error.reason)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(_failed(error)) from error


def _refused(status: int) -> str:
    if status in (401, 403):
        return f"asks for another user and password than it was given, if any ({status})"
    return f"answers {status} {http.client.responses.get(status, '')}".rstrip()


def _failed(error: Any) -> str:
    text = connection_reason(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{text}; name the authority's file by --tls_ca, or trust any by --tls_insecure"
    if isinstance(error, ssl.SSLError) or getattr(error, "errno", None) == errno.EMSGSIZE:
        return text
    if isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.strerror):
        return f"can't be reached ({text})"
    return "gives a broken answer"
