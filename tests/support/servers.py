"""Servers on loopback that misbehave, and certificates for them."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def untrusted_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Does to every connection what `talk` does; gives the port.

    Connections are shut down on leaving, so that `talk` may go on for ever.
    """
    server = socket.create_server(("127.0.0.1", 0))
    peers: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(peer: socket.socket) -> None:
        with peer:
            try:
                talk(peer)
            except (OSError, ValueError):  # the client had enough
                pass

    def accept() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            peers.append(peer)
            threads.append(threading.Thread(target=serve, args=(peer,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        accepting.join()
        for peer in peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in threads:
            thread.join()


_AUTHORITY = """
[ca]
default_ca = own
[own]
database = index.txt
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = more
[any]
commonName = supplied
[more]
subjectAltName = {name}
"""


def certificate(folder: Path, name: str = "IP:127.0.0.1", until: str = "2099") -> Path:
    """Makes a self-signed certificate, valid from 2020 on, with its key in the same file."""
    own = folder / f"{name.replace(':', '_')}_{until}"
    own.mkdir()
    (own / "index.txt").touch()
    (own / "conf").write_text(_AUTHORITY.format(name=name))
    for command in (
        "req -new -newkey rsa:2048 -nodes -subj /CN=x -keyout key -out request",
        "ca -batch -selfsign -notext -config conf -keyfile key -in request -out certificate "
        f"-startdate 20200101000000Z -enddate {until}0101000000Z",
    ):
        subprocess.run(["openssl", *command.split()], cwd=own, check=True, capture_output=True)
    both = own / "both.pem"
    both.write_text((own / "certificate").read_text() + (own / "key").read_text())
    return both


def refused(folder: Path) -> tuple[Path, list[tuple[Path, Path, str]]]:
    """A certificate of 127.0.0.1, and (server's, trusted, why not) of those that won't do."""
    own = certificate(folder)
    other = certificate(folder, "DNS:other.example")
    expired = certificate(folder, until="2021")
    return own, [
        (own, other, "self-signed certificate"),
        (other, other, "mismatch"),
        (expired, expired, "expired"),
    ]


def encrypted(file: Path, talk: Callable[[socket.socket], None], old: bool = False):
    """`talk` through TLS with a certificate; `old` knows nothing newer than TLS 1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if old:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    def encrypt(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as inside:
            talk(inside)

    return encrypt
