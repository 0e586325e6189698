"""A small HTTP server that untrusted clients can neither fill nor hold up.

At most `CONNECTIONS` are open at once: a further one ends the oldest of the
address that has most of them. All of a request and its answer must be over
within one deadline, a request's head has a size, a body is never read, and a
connection ends with its answer. A flood of whole requests is served at `RATE`,
so that it can't take the CPU from the pipeline.
"""

from __future__ import annotations

import errno
import http
import ipaddress
import logging
import re
import socket
import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from runtime.support.net.sockets import LimitedSocket
from runtime.support.threads import background

log = logging.getLogger(__name__)

#: Connections, and so threads, at once.
CONNECTIONS = 8

#: Connections that may come all at once after a quiet time.
BURST = 256

#: Connections a second after that.
RATE = 20.0

#: Longest time of a request and its answer, in seconds.
REQUEST_S = 5.0

#: Most bytes of a request's head.
_HEAD_BYTES = 1 << 14

#: Pause where descriptors or memory for a new connection are missing, in seconds.
_PAUSE_S = 0.5

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

#: What a browser on this machine calls it. Any other name may be an attacker's, whose
#: page then reads our answers (DNS rebinding).
_OWN_HOST = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]*)?", re.IGNORECASE)

#: Gives status code, content type and text.
Answer = Callable[[], tuple[int, str, str]]


class LimitedServer(socketserver.TCPServer):
    """Answers GET and HEAD of a few exact paths, each request in a thread."""

    allow_reuse_address = True
    request_queue_size = 64  # they wait in the system, and cost us no descriptor

    def __init__(
        self, host: str, port: int, answers: Mapping[str, Answer], request_s: float
    ) -> None:
        """Takes the port; `serve_forever` answers.

        Args:
            host: Address to listen at. On a loopback address only requests for a
                loopback host are answered.
            port: 0 takes a free one.
            answers: What to answer, by path.
            request_s: Longest time of a request and its answer, in seconds.

        Raises:
            OSError: The address or port can't be had.
            UnicodeError: The host is no name.
        """
        self.answers = answers
        self._request_s = request_s
        self._open: dict[LimitedSocket, tuple[str, threading.Thread]] = {}
        self._closing = threading.Lock()
        self._stopped = threading.Event()
        self._paid_until = 0.0  # time until which the rate is used up
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        #: Whether it listens to this machine only.
        self.local = ipaddress.ip_address(str(self.server_address[0])).is_loopback

    def stop(self) -> None:
        """Ends `serve_forever` and all connections, and gives the port back."""
        self._stopped.set()
        self.shutdown()
        self.server_close()
        for connection in self._open:
            self._hang_up(connection)

    def get_request(self) -> tuple[LimitedSocket, Any]:
        """Accepts a connection, not too soon, and puts limits on it."""
        now = time.monotonic()
        self._paid_until = max(self._paid_until, now - BURST / RATE) + 1 / RATE
        self._stopped.wait(max(0.0, self._paid_until - now))
        try:
            request, address = self.socket.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:  # the connection waits on, and we'd be called at once
                self._stopped.wait(_PAUSE_S)
            raise
        limited = LimitedSocket(request.family, request.type, request.proto, request.detach())
        limited.limit(self._request_s, _HEAD_BYTES)
        return limited, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Makes room for a connection; False where there is none."""
        self._open = {c: (h, t) for c, (h, t) in self._open.items() if t.is_alive()}
        if len(self._open) < CONNECTIONS:
            return True
        hosts = Counter(host for host, _ in self._open.values())
        crowded, _ = hosts.most_common(1)[0]
        oldest = next(c for c, (host, _) in self._open.items() if host == crowded)
        _, thread = self._open[oldest]
        self._hang_up(oldest)
        thread.join(1)
        if thread.is_alive():
            return False
        del self._open[oldest]
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread, which ends with the connection."""
        thread = background("metrics client", partial(self._answer, request, client_address))
        self._open[request] = client_address[0], thread

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection, never while it is being hung up."""
        with self._closing:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go in the middle are nothing for the terminal."""
        log.debug("monitor: %s", type(sys.exc_info()[1]).__name__)

    def _answer(self, request: LimitedSocket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def _hang_up(self, connection: LimitedSocket) -> None:
        """Wakes the thread that reads from or writes to a connection, and so ends it."""
        with self._closing:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                pass


class _Handler(BaseHTTPRequestHandler):
    server: LimitedServer
    server_version = "emotion-edge"
    sys_version = ""

    def parse_request(self) -> bool:
        """Refuses what isn't for us before anything else is done."""
        if not super().parse_request():
            return False
        hosts = self.headers.get_all("Host", [])
        if self.server.local and not all(_OWN_HOST.fullmatch(host.strip()) for host in hosts):
            self.send_error(http.HTTPStatus.FORBIDDEN)
        elif self.command not in ("GET", "HEAD"):
            self.send_error(http.HTTPStatus.METHOD_NOT_ALLOWED)
        else:
            return True
        return False

    def do_GET(self) -> None:
        """Answers a request."""
        answer = self.server.answers.get(self.path.split("?", 1)[0])
        if answer is None:
            self._send(404, "text/plain", f"see {', '.join(self.server.answers)}\n")
        else:
            self._send(*answer())

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses, without a word of what the client wrote."""
        self.request_version = self.protocol_version  # a request that isn't read has none
        self._send(code, "text/plain", f"{http.HTTPStatus(code).phrase}\n")

    def log_message(self, format: str, *args: object) -> None:
        """Requests are nothing for the log: they hold what untrusted clients wrote."""

    def _send(self, code: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        if code == http.HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
