"""Sockets on which an untrusted peer can neither hold us up nor fill our memory.

One deadline and one number of bytes hold for all that is done on a connection
until the next `limit`, however often the other side sends a little.
"""

from __future__ import annotations

import errno
import socket
import ssl
import sys
import time
from typing import Any


class LimitedSocket(socket.socket):
    """A TCP socket with limits; before the first `limit` it only times out."""

    _deadline = 0.0
    _receive = 0
    _at_once = 0

    def limit(self, seconds: float, receive: int, at_once: int = sys.maxsize) -> None:
        """Sets the limits anew.

        Args:
            seconds: Time from now on for all that is done; of a socket that
                doesn't block the owner keeps it, by `left`.
            receive: Bytes that may come.
            at_once: Most bytes that one `recv` may ask for.
        """
        self._deadline = time.monotonic() + seconds
        self._receive = receive
        self._at_once = at_once

    def left(self) -> float:
        """Seconds until the deadline; 0 or less after it."""
        return self._deadline - time.monotonic()

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """See `socket.recv`; raises OSError (EMSGSIZE) beyond the limits."""
        if buflen > self._at_once:
            raise _too_much()
        self._hurry()
        data = super().recv(buflen, flags)
        self._count(len(data))
        return data

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """See `socket.recv_into`; raises OSError (EMSGSIZE) beyond the limits."""
        self._hurry()
        count = super().recv_into(buffer, nbytes or len(buffer), flags)
        self._count(count)
        return count

    def send(self, data: Any, flags: int = 0) -> int:
        """See `socket.send`."""
        self._hurry()
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """See `socket.sendall`."""
        self._hurry()
        super().sendall(data, flags)

    def _hurry(self) -> None:
        """Leaves the next step no more time than there is."""
        if self.gettimeout() == 0:
            return
        left = self.left()
        if left <= 0:
            raise TimeoutError("timed out")
        self.settimeout(left)

    def _count(self, received: int) -> None:
        self._receive -= received
        if self._receive < 0:
            raise _too_much()


class _LimitedTls(LimitedSocket, ssl.SSLSocket):
    """The same through TLS; made by `dial` alone. The bytes are those inside of it."""


def _too_much() -> OSError:
    return OSError(errno.EMSGSIZE, "sends more than it should")


def dial(
    host: str,
    port: int,
    seconds: float,
    receive: int,
    at_once: int = sys.maxsize,
    tls: ssl.SSLContext | None = None,
) -> LimitedSocket:
    """Connects, through no proxy.

    Args:
        host: Name or number. How long a name's look-up may take is up to the
            system's resolver: only from then on time counts.
        port: Its TCP port.
        seconds: See `LimitedSocket.limit`; holds for connecting, TLS and what follows.
        receive: See there.
        at_once: See there.
        tls: Whom to trust, as `runtime.support.net.tls` says; None for a plain connection.

    Raises:
        OSError: It failed, or took too long.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    deadline = time.monotonic() + seconds
    connected = _connect(addresses, deadline)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.limit(deadline - time.monotonic(), receive, at_once)
        if tls is None:
            return connected
        tls.sslsocket_class = _LimitedTls
        connected.settimeout(max(connected.left(), 0.001))  # of the whole handshake
        encrypted = tls.wrap_socket(connected, server_hostname=host)
    except BaseException:
        connected.close()
        raise
    assert isinstance(encrypted, _LimitedTls)
    encrypted.limit(deadline - time.monotonic(), receive, at_once)
    return encrypted


def _connect(addresses: list[Any], deadline: float) -> LimitedSocket:
    """Tries one address after the other, each for its share of the time that is left."""
    last: OSError = TimeoutError("timed out")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - tried)
        if share <= 0:
            break
        try:
            one = LimitedSocket(family, kind, protocol)
        except OSError as error:  # such as IPv6, where there is none
            last = error
            continue
        try:
            one.settimeout(share)
            one.connect(address)
        except OSError as error:
            one.close()
            last = error
        except BaseException:
            one.close()
            raise
        else:
            return one
    raise last
