"""Results by HTTP POST."""

from __future__ import annotations

import base64
import http.client
import time

from runtime.sinks.remote.address import read_address, warn_of_password
from runtime.sinks.remote.queue import TIMEOUT_S, Rejected, SendError
from runtime.support.net.sockets import LimitedSocket, dial
from runtime.support.net.tls import Tls
from runtime.support.net.urls import request_target
from runtime.support.reasons import connection_reason

#: Most bytes of an answer, headers and all: more is a failure.
_ANSWER_BYTES = 1 << 16

#: Most bytes of an answer's body: a longer one ends the connection.
_BODY_BYTES = 1 << 14

_PORTS = {"http": 80, "https": 443}

#: Answers after which the same request may succeed later, besides 5xx.
_TRY_AGAIN = {http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS, 425}

#: What a connection or an answer that makes no sense raises.
_BROKEN = (OSError, ValueError, http.client.HTTPException)

_FORM = "--webhook must be http(s)://[user:password@]host[:port]/path"


class Webhook:
    """POSTs messages over one kept connection.

    A single message is `application/json`; with `batch` above 1 a request
    holds up to so many JSON lines, as `application/x-ndjson`. Any answer 2xx
    takes them. Redirects aren't followed, proxies not used. One deadline holds
    for all of a request, from the connection to the end of the answer.
    """

    kind = "webhook"

    def __init__(self, url: str, batch: int = 1, timeout_s: float = TIMEOUT_S) -> None:
        """Remembers where to; nothing is sent yet.

        Args:
            url: http or https; user and password become basic authorization.
            batch: Most messages in a request.
            timeout_s: Longest time of a request and its answer, in seconds.

        Raises:
            UserError: The URL makes no sense; the message doesn't repeat it.
        """
        address = read_address(url, _PORTS, _FORM)
        warn_of_password(address)
        self.batch = batch
        # Only the host: in many services the path is the secret.
        self.name = f"webhook {address.shown}"
        self._timeout_s = timeout_s
        self._tls = Tls().context() if address.scheme == "https" else None
        usual = _PORTS[address.scheme]
        # It is given sockets of ours, TLS or not, and must make none itself.
        self._connection = http.client.HTTPConnection(address.host, address.port or usual)
        self._connection.default_port = usual  # the Host header leaves it out
        self._connection.auto_open = 0
        # http.client refuses other characters, and its message shows them.
        self._target = request_target(address.path, address.query)
        self._headers = {
            "Content-Type": "application/json" if batch == 1 else "application/x-ndjson",
            "User-Agent": "emotion-edge",
        }
        if address.user is not None:
            pair = f"{address.user}:{address.password or ''}"
            token = base64.b64encode(pair.encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"

    def send(self, messages: list[bytes]) -> None:
        """See `Transport.send`."""
        body = messages[0] if self.batch == 1 else b"".join(m + b"\n" for m in messages)
        kept = self._connection.sock is not None
        deadline = time.monotonic() + self._timeout_s
        try:
            status = self._post(body, self._timeout_s)
        except (ConnectionError, http.client.BadStatusLine) as error:
            if not kept:
                raise SendError(connection_reason(error)) from error
            # The server closed a connection that was idle: no failure yet.
            try:
                status = self._post(body, deadline - time.monotonic())
            except _BROKEN as again:
                raise SendError(connection_reason(again)) from again
        except _BROKEN as error:
            raise SendError(connection_reason(error)) from error
        if 200 <= status < 300:
            return
        answer = f"answers {status} {http.client.responses.get(status, '')}".rstrip()
        if status >= 500 or status in _TRY_AGAIN:
            raise SendError(answer)
        raise Rejected(f"{answer} and refuses the messages")

    def idle(self) -> None:
        """Nothing to look after: a connection that went is made again."""

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def _post(self, body: bytes, seconds: float) -> int:
        """One request, within some seconds; returns the status."""
        link = self._connection
        try:
            if isinstance(link.sock, LimitedSocket):
                link.sock.limit(seconds, _ANSWER_BYTES)
            else:
                link.sock = dial(link.host, link.port, seconds, _ANSWER_BYTES, tls=self._tls)
            link.request("POST", self._target, body, self._headers)
            response = link.getresponse()
            response.read(_BODY_BYTES)  # only so that the connection can be kept
            whole = response.isclosed()
        except BaseException:
            link.close()
            raise
        if not whole:
            link.close()
        return response.status
