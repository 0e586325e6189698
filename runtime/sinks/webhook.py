"""Results by HTTP POST."""

from __future__ import annotations

import base64
import http.client
import urllib.parse

from runtime.sinks.address import read_address
from runtime.sinks.remote import Rejected, SendError, reason

#: Longest wait for a connection or an answer, in seconds.
_TIMEOUT_S = 5.0

#: Answers after which the same request may succeed later, besides 5xx.
_TRY_AGAIN = {http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS, 425}

_FORM = "--webhook must be http(s)://[user:password@]host[:port]/path"


class Webhook:
    """POSTs messages over one kept connection.

    A single message is `application/json`; with `batch` above 1 a request
    holds up to so many JSON lines, as `application/x-ndjson`. Any answer 2xx
    takes them. Redirects aren't followed, proxies not used.
    """

    kind = "webhook"

    def __init__(self, url: str, batch: int = 1) -> None:
        """Remembers where to; nothing is sent yet.

        Args:
            url: http or https; user and password become basic authorization.
            batch: Most messages in a request.

        Raises:
            UserError: The URL makes no sense; the message doesn't repeat it.
        """
        address = read_address(url, ("http", "https"), _FORM)
        self.batch = batch
        # Only the host: in many services the path is the secret.
        self.name = f"webhook {address.shown}"
        https = address.scheme == "https"
        kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
        self._connection = kind(address.host, address.port, timeout=_TIMEOUT_S)
        # http.client refuses other characters, and its message shows them.
        path = urllib.parse.quote(address.path or "/", safe="/%:@!$&'()*+,;=~")
        query = urllib.parse.quote(address.query, safe="/%:@!$&'()*+,;=~?")
        self._target = f"{path}?{query}" if query else path
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
        try:
            status = self._post(body)
        except (ConnectionError, http.client.BadStatusLine) as error:
            if not kept:
                raise SendError(reason(error)) from error
            # The server closed a connection that was idle: no failure yet.
            try:
                status = self._post(body)
            except (OSError, http.client.HTTPException) as again:
                raise SendError(reason(again)) from again
        except (OSError, http.client.HTTPException) as error:
            raise SendError(reason(error)) from error
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

    def _post(self, body: bytes) -> int:
        """One request; returns the status."""
        try:
            self._connection.request("POST", self._target, body, self._headers)
            response = self._connection.getresponse()
            response.read(1 << 16)
            whole = response.isclosed()
        except BaseException:
            self._connection.close()
            raise
        if not whole:  # nobody needs the rest of a long answer
            self._connection.close()
        return response.status
