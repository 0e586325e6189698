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
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from runtime.errors import SourceError, Unreachable
from runtime.redact import printable, shown_address
from runtime.sources.tls import Tls

#: A seek that goes on by so little reads over what is between, in bytes.
_NEAR = 1 << 18


class Allowance:
    """Time and bytes that a server may take, until it is renewed."""

    def __init__(self) -> None:
        """Starts with nothing; see `renew`."""
        self._ends = 0.0
        self._bytes = 0
        self._lines: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._interrupted = False

    def renew(self, seconds: float, size: int) -> None:
        """Gives a new allowance.

        Args:
            seconds: Until every read fails.
            size: Bytes that may come in that time.
        """
        self._ends, self._bytes = time.monotonic() + seconds, size

    def left_s(self) -> float:
        """Seconds that are left.

        Raises:
            TimeoutError: None are, or it was interrupted.
        """
        left = self._ends - time.monotonic()
        if left <= 0 or self._interrupted:
            raise TimeoutError("timed out")
        return left

    def take(self, size: int) -> None:
        """Counts bytes that came.

        Raises:
            OSError: They are too many.
        """
        self._bytes -= size
        if self._bytes < 0:
            raise OSError(errno.EMSGSIZE, "sends more than any frame could need")

    def watch(self, line: socket.socket) -> None:
        """Lets `interrupt` end the reading from a socket."""
        with self._lock:
            self._lines.add(line)

    def interrupt(self) -> None:
        """Ends every read, now and later. For another thread."""
        self._interrupted = True
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed by now
                pass


class _Limited:
    """A socket whose every read is counted; http.client reads by `recv_into` alone."""

    allowance: Allowance

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        line: Any = self
        line.settimeout(self.allowance.left_s())
        count: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        self.allowance.take(count)
        return count


class _PlainSocket(_Limited, socket.socket):
    pass


class _TlsSocket(_Limited, ssl.SSLSocket):
    pass


def _connect(connection: http.client.HTTPConnection, allowance: Allowance) -> _PlainSocket:
    address = (connection.host, connection.port)
    raw = socket.create_connection(address, allowance.left_s())
    line = _PlainSocket(fileno=raw.detach())
    line.allowance = allowance
    line.settimeout(allowance.left_s())
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Makes connections whose sockets are limited."""

    def __init__(self, allowance: Allowance, tls: Tls) -> None:
        urllib.request.HTTPHandler.__init__(self)
        self._allowance, self._tls = allowance, tls

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        allowance = self._allowance

        class Connection(http.client.HTTPConnection):
            def connect(self) -> None:
                self.sock = _connect(self, allowance)
                allowance.watch(self.sock)

        return self.do_open(Connection, req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        allowance, context = self._allowance, self._tls.context()
        context.sslsocket_class = _TlsSocket

        class Connection(http.client.HTTPSConnection):
            def connect(self) -> None:
                line = _connect(self, allowance)
                self.sock = context.wrap_socket(line, server_hostname=self.host)
                self.sock.allowance = allowance  # type: ignore[attr-defined]
                allowance.watch(self.sock)

        return self.do_open(Connection, req, context=context)  # type: ignore[arg-type]


class _Redirects(urllib.request.HTTPRedirectHandler):
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
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
        self._url = urlunsplit((parts.scheme, netloc, path, query, ""))
        #: For FFmpeg, which goes by its suffix, and resolves a playlist's parts against it.
        self.name = self._url
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
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({printable(error.verify_message)}); name the "
            "authority's file by --tls_ca, or trust any by --tls_insecure"
        )
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection ({printable(str(error.reason or 'broken'))})"
    if isinstance(error, TimeoutError):
        return "can't be reached (no answer in time)"
    if isinstance(error, OSError) and error.strerror:
        return f"can't be reached ({error.strerror})"
    return "gives a broken answer"
