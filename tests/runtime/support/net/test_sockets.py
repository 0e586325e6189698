import select
import shutil
import socket
import ssl
import time

import pytest

from runtime.support.net.sockets import LimitedSocket, dial
from runtime.support.net.tls import Tls
from tests.support.servers import certificate, encrypted, untrusted_server

MUCH = 1 << 20


def drip(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"x")
        time.sleep(0.02)


def flood(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"x" * 1000)


def hold(peer: socket.socket) -> None:
    """Neither reads nor writes, until the client goes."""
    poll = select.poll()
    poll.register(peer, select.POLLRDHUP)
    poll.poll()


def read_all(link: LimitedSocket) -> int:
    count = 0
    with link, link.makefile("rb") as file:
        while data := file.read(100):
            count += len(data)
    return count


def test_one_deadline_holds_for_all_steps():
    with untrusted_server(drip) as port:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            read_all(dial("127.0.0.1", port, 0.3, MUCH))
        assert time.monotonic() - started >= 0.25
        link = dial("127.0.0.1", port, 0.3, MUCH)
        with link, pytest.raises(TimeoutError):
            while True:
                link.recv(1)


def test_one_deadline_holds_for_writing():
    with untrusted_server(hold) as port, dial("127.0.0.1", port, 0.3, MUCH) as link:
        with pytest.raises(TimeoutError):
            link.sendall(b"x" * (1 << 28))
        with pytest.raises(TimeoutError):
            link.send(b"x")
        link.limit(60, MUCH)
        link.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                link.send(b"x" * 1000)  # not made to block by the deadline


@pytest.mark.parametrize("tls", [False, True])
def test_bytes_are_counted_however_they_come(tls, tmp_path, monkeypatch):
    talk = flood
    if tls:
        if not shutil.which("openssl"):
            pytest.skip("needs openssl")
        file = certificate(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        talk = encrypted(file, flood)
    context = Tls().context() if tls else None
    with untrusted_server(talk) as port:
        with pytest.raises(OSError, match="sends more than it should"):
            read_all(dial("127.0.0.1", port, 60, 30000, tls=context))
        link = dial("127.0.0.1", port, 60, 30000, at_once=100, tls=context)
        with link:
            assert link.recv(100)
            with pytest.raises(OSError, match="sends more than it should"):
                link.recv(101)
            with pytest.raises(OSError, match="sends more than it should"):
                while True:
                    link.recv(100)


def test_a_socket_without_limits_does_nothing():
    with LimitedSocket() as link:
        with pytest.raises(OSError, match="more than it should"):
            link.recv(1)
        with pytest.raises(TimeoutError):
            link.recv_into(bytearray(1))
        with pytest.raises(TimeoutError):
            link.sendall(b"x")


def test_addresses_share_the_time(monkeypatch):
    """The first one of a name is often one that doesn't answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, untrusted_server(drip) as port:
        address = full.getsockname()
        waiting = []
        for _ in range(4):  # until it answers no more
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", a) for a in (address, ("127.0.0.1", port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with dial("name", 1, 2, 100) as link:
            assert link.getpeername()[1] == port
            assert link.recv(1) == b"x"
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found[:1] * 1000)
        with pytest.raises(TimeoutError):
            dial("name", 1, 0.3, 100)
        for one in waiting:
            one.close()


def test_a_handshake_has_the_same_deadline():
    with untrusted_server(drip) as port, pytest.raises(ssl.SSLError):
        dial("127.0.0.1", port, 60, MUCH, tls=Tls().context())
    with untrusted_server(hold) as port, pytest.raises(TimeoutError):
        dial("127.0.0.1", port, 0.2, MUCH, tls=Tls().context())

    def record(peer: socket.socket) -> None:
        peer.sendall(b"\x16\x03\x03\x3f\xff")  # a handshake record of 16 KiB
        drip(peer)

    with untrusted_server(record) as port, pytest.raises(TimeoutError):
        dial("127.0.0.1", port, 0.3, MUCH, tls=Tls().context())


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_certificates_are_checked(tmp_path, monkeypatch):
    good = certificate(tmp_path)
    name = certificate(tmp_path, "DNS:other.example")
    expired = certificate(tmp_path, until="2021")

    def connect(file, trusted, old: bool = False) -> str | None:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with (
            untrusted_server(encrypted(file, drip, old)) as port,
            dial("127.0.0.1", port, 60, MUCH, tls=Tls().context()) as link,
        ):
            assert link.recv(1) == b"x"
            return link.version()

    assert connect(good, good) in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        connect(good, name)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        connect(name, name)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        connect(expired, expired)
    with pytest.raises(ssl.SSLError):
        connect(good, good, old=True)
