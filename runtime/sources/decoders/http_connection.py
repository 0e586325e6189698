"""Connections to web servers, which take no more time and bytes than they were allowed.

Every byte of a connection (answer, headers, body, however many requests it takes) counts
against one `Allowance`, certificates are verified, and a redirect never leads from https to
http nor takes a password along.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
import weakref
from typing import Any
from urllib.parse import unquote, urlsplit

from runtime.errors import SourceError, UserError
from runtime.sources.decoders.http_login import BasicLogin, DigestLogin
from runtime.support.net.sockets import LimitedSocket, dial
from runtime.support.net.tls import Tls
from runtime.support.reasons import connection_reason
from runtime.support.redaction import shown_address

#: Most bytes of an unread answer that are read over, so that its connection can be kept.
_REST = 1 << 16


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


class NoAnswer(TimeoutError):
    """A host that didn't even take the connection in time."""


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Makes connections that keep to an allowance."""

    def __init__(self, allowance: Allowance, tls: Tls, keep: bool) -> None:
        urllib.request.HTTPHandler.__init__(self)
        self._allowance, self._tls, self._keep = allowance, tls, keep
        #: By scheme, host and port: a connection, and what it was last asked for.
        self._kept: dict[
            tuple[str, str], tuple[http.client.HTTPConnection, http.client.HTTPResponse]
        ] = {}

    def close(self) -> None:
        """Ends the connections that were kept."""
        for connection, _ in self._kept.values():
            connection.close()
        self._kept.clear()

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
                try:
                    self.sock = allowance.connect(self.host, self.port, context)
                except TimeoutError as error:
                    raise NoAnswer(*error.args) from error

        if self._keep:
            return self._open_kept(request, Connection)
        return self.do_open(Connection, request)

    def _open_kept(
        self, request: urllib.request.Request, make: type[http.client.HTTPConnection]
    ) -> http.client.HTTPResponse:
        """As `do_open`, which closes each connection after one answer."""
        place = (str(request.type), str(request.host))
        headers = {**request.unredirected_hdrs, **request.headers}
        while True:
            used = self._kept.pop(place, None)
            if used is not None and not _over(used[1]):
                used[0].close()
                used = None
            connection = make(place[1]) if used is None else used[0]
            try:
                connection.request(request.get_method(), request.selector, headers=headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # A server may hang up on an idle client at any time.
                if used is not None and not isinstance(error, TimeoutError):
                    continue
                raise urllib.error.URLError(error) from error  # type: ignore[arg-type]
            self._kept[place] = connection, response
            response.url = request.full_url  # type: ignore[attr-defined]
            response.msg = response.reason  # type: ignore[assignment]
            return response


def _over(response: http.client.HTTPResponse) -> bool:
    """Whether an answer is read to its end, of which a short rest is read here."""
    try:
        if not response.isclosed():
            response.read(_REST)
    except (OSError, http.client.HTTPException, ValueError):
        return False
    # Closed is not read: what is left would be taken for the next answer.
    left = response.chunk_left if response.chunked else response.length  # type: ignore[attr-defined]
    return response.isclosed() and not response.will_close and not left


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


class _Opener(urllib.request.OpenerDirector):
    def close(self) -> None:
        """Ends the connections that were kept; the base class closes nothing."""
        for handler in self.handlers:  # type: ignore[attr-defined]
            handler.close()


def check_step(before: str, after: str) -> None:
    """Refuses where a server may not lead: out of HTTP, or out of TLS.

    Raises:
        SourceError: It does.
    """
    old, new = urlsplit(before).scheme.lower(), urlsplit(after).scheme.lower()
    if new not in ("http", "https") or (old, new) == ("https", "http"):
        raise SourceError(f"{shown_address(before)}: leads to {new}://, which is not followed")


def make_opener(
    allowance: Allowance,
    tls: Tls,
    place: str,
    user: str | None,
    password: str | None,
    keep: bool = False,
) -> urllib.request.OpenerDirector:
    """What opens the URLs of one server.

    Args:
        allowance: What its connections may take.
        tls: Whom to trust.
        place: The server's URL up to its host and port; user and password are for it
            alone, wherever it leads.
        user: As a URL has it, quoted; None for none.
        password: The same.
        keep: Keep connections for the next request; `close` of the opener ends them.
    """
    opener = _Opener()
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if user is not None:
        passwords.add_password(None, f"{place}/", unquote(user), unquote(password or ""))
    # No proxies of the environment: frames come from where the operator says.
    for handler in (
        _Handler(allowance, tls, keep),
        _Redirects(),
        BasicLogin(passwords),
        DigestLogin(passwords),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def refused(status: int) -> str:
    """What a status of HTTP or RTSP that is no success says, in words."""
    if status in (401, 403):
        return f"asks for another user and password than it was given, if any ({status})"
    text = f"answers {status} {http.client.responses.get(status, '')}".rstrip()
    return f"{text}: there is nothing at this path" if status in (404, 410) else text


def failed(error: Any) -> str:
    """What went wrong with a connection, in words."""
    text = connection_reason(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{text}; name the authority's file by --tls_ca, or trust any by --tls_insecure"
    if isinstance(error, ssl.SSLError) or getattr(error, "errno", None) == errno.EMSGSIZE:
        return text
    if isinstance(error, socket.gaierror):
        return "can't be reached: its host name is unknown, or no name server answers"
    if isinstance(error, TimeoutError) and not isinstance(error, NoAnswer) and not error.errno:
        return "is connected, but silent (timed out)"
    if isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.strerror):
        return f"can't be reached ({text})"
    return "gives a broken answer"
