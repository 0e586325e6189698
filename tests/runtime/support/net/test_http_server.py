"""What untrusted clients may do at the metrics port."""

import os
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from runtime.support.net import http_server as module
from runtime.support.net.http_server import CONNECTIONS, LimitedServer
from tests.conftest import REPO
from tests.runtime.sinks.conftest import wait_until


def _text() -> tuple[int, str, str]:
    return 200, "text/plain", "fine\n"


@pytest.fixture
def serve():
    """Starts servers; they must leave no thread and no descriptor behind."""
    threads, files = threading.active_count(), _descriptors()
    made: list[tuple[LimitedServer, threading.Thread]] = []

    def start(host: str = "127.0.0.1", request_s: float = 60.0, answer=_text) -> LimitedServer:
        server = LimitedServer(host, 0, {"/x": answer}, request_s)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        made.append((server, thread))
        thread.start()
        return server

    yield start
    for server, thread in made:
        server.stop()
        thread.join()
    wait_until(lambda: threading.active_count() <= threads and _descriptors() <= files)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def connect(server: LimitedServer, text: str = "") -> socket.socket:
    client = socket.create_connection(server.server_address[:2], 60)
    client.sendall(text.encode("latin-1"))
    return client


def read_all(client: socket.socket) -> str:
    """What comes until the other side closes, however roughly."""
    got = b""
    with client:
        try:
            while data := client.recv(1 << 16):
                got += data
        except ConnectionError:
            pass
    return got.decode()


def ask(server: LimitedServer, text: str = "GET /x HTTP/1.0\r\n\r\n") -> str:
    return read_all(connect(server, text))


def test_slow_clients_hold_few_threads_and_descriptors(serve):
    server = serve()
    threads, files = threading.active_count(), _descriptors()
    slow = []
    for _ in range(200):
        slow.append(connect(server, "GET /x HT"))
        # One descriptor is the client's, in this process too.
        assert threading.active_count() - threads <= CONNECTIONS
        assert _descriptors() - files - len(slow) <= CONNECTIONS + 2
    assert ask(server).endswith("fine\n")
    for client in slow:
        client.close()


def test_a_client_that_drips_has_one_deadline(serve):
    server = serve(request_s=0.5)
    client = connect(server, "GET /x HTTP/1.0\r\n")
    started = time.monotonic()
    with pytest.raises(ConnectionError):
        for _ in range(1000):
            client.sendall(b"A: b\r\n")
            time.sleep(0.05)
    assert time.monotonic() - started >= 0.4
    client.close()


def test_a_client_that_does_not_read_has_the_same_deadline(serve):
    server = serve(request_s=0.5, answer=lambda: (200, "text/plain", "x" * (1 << 24)))
    threads = threading.active_count()
    with connect(server, "GET /x HTTP/1.0\r\n\r\n"):
        wait_until(lambda: threading.active_count() > threads)
        wait_until(lambda: threading.active_count() == threads)


@pytest.mark.parametrize(
    "text",
    [
        "GET /" + "x" * 20000,
        "GET /x HTTP/1.0\r\n" + "A: b\r\n" * 5000,
        "GET /x HTTP/1.0\r\nA: " + "b" * 20000,
        "GET /x HTTP/1.0\r\nHost: localhost" + "\r\n a" * 10000 + "\r\n\r\n",
    ],
)
def test_a_head_has_a_size(serve, text):
    got = ask(serve(), text)
    assert "fine" not in got
    assert got == "" or " 431 " in got.splitlines()[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "X-Y"])
def test_other_methods_are_refused_in_one_way(serve, method):
    got = ask(serve(), f"{method} /x HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
    head, _, body = got.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.0 405 ")
    assert "Allow: GET, HEAD" in head
    assert body == "Method Not Allowed\n"


@pytest.mark.parametrize(
    "text",
    [
        "GET /x HTTP/9\x1b[2J\r\n\r\n",
        "GET /x HTTP/2.0\r\n\r\n",
        "<script>\x1b[2J\r\n\r\n",
        "GET a b c\x07 HTTP/1.1\r\n\r\n",
        "GET /y?<script> HTTP/1.0\r\n\r\n",
        "GET http://evil.example/x HTTP/1.1\r\n\r\n",
        "GET /x/ HTTP/1.1\r\n\r\n",
        "GET /../x HTTP/1.1\r\n\r\n",
        "GET /%78 HTTP/1.1\r\n\r\n",
        "GET * HTTP/1.1\r\n\r\n",
    ],
)
def test_refusals_repeat_nothing_and_log_nothing(serve, text, caplog, capfd):
    caplog.set_level("DEBUG")
    got = ask(serve(), text)
    assert got.startswith(("HTTP/1.0 4", "HTTP/1.0 505"))
    assert "fine" not in got
    assert not any(word in got for word in ("script", "\x1b", "\x07", "evil"))
    assert caplog.text == capfd.readouterr().err == ""


def test_a_connection_ends_with_its_answer(serve):
    got = ask(serve(), "GET /x HTTP/1.1\r\nConnection: keep-alive\r\n\r\n" * 3)
    assert got.count("HTTP/1.0 200") == 1
    assert got.count("fine") == 1


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:9100", 200),
        ("127.0.0.1:9100", 200),
        ("127.8.0.1", 200),
        ("[::1]:9100", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:9100", 403),
        ("evil@localhost", 403),
        ("127.0.0.1:9100@evil.example", 403),
        ("192.0.2.1", 403),
        ("localhost\r\nHost: evil.example", 403),
        ("", 403),
    ],
)
def test_only_own_names_are_answered_on_loopback(serve, host, status):
    got = ask(serve(), f"GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n")
    assert got.startswith(f"HTTP/1.0 {status} ")
    assert ("fine" in got) == (status == 200)


def test_any_name_is_answered_where_others_may_ask(serve):
    assert "fine" in ask(serve("0.0.0.0"), "GET /x HTTP/1.1\r\nHost: device.example\r\n\r\n")


def test_the_address_with_most_connections_makes_room(serve):
    server = serve()

    def connect_from(host: str) -> socket.socket:
        client = socket.create_connection(server.server_address[:2], 60, (host, 0))
        client.sendall(b"GET /x HTTP/1.0\r\n")
        return client

    patient = connect_from("127.0.0.2")
    crowd = [connect_from("127.0.0.1") for _ in range(3 * CONNECTIONS)]
    for client in crowd[: 1 - CONNECTIONS]:
        assert read_all(client) == ""
    patient.sendall(b"\r\n")
    assert read_all(patient).endswith("fine\n")
    for client in crowd[1 - CONNECTIONS :]:
        client.sendall(b"\r\n")
        assert read_all(client).endswith("fine\n")


def test_a_flood_of_requests_is_slowed_down(serve, monkeypatch):
    monkeypatch.setattr(module, "BURST", 2)
    monkeypatch.setattr(module, "RATE", 20.0)
    server = serve()
    started = time.monotonic()
    for _ in range(10):
        assert "fine" in ask(server)
    assert time.monotonic() - started >= 0.3


def test_clients_that_reset_are_nothing(serve, capfd):
    server = serve()
    for text in ("", "GET /x HT", "GET /x HTTP/1.0\r\n\r\n"):
        client = connect(server, text)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert "fine" in ask(server)
    assert capfd.readouterr().err == ""


_WITHOUT_DESCRIPTORS = """
import os, resource, socket, sys, threading, time
from runtime.support.net.http_server import LimitedServer

server = LimitedServer("127.0.0.1", 0, {"/x": lambda: (200, "text/plain", "fine")}, 5.0)
threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
client = socket.socket()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.dup(0))
except OSError:
    pass
client.connect(server.server_address)
client.sendall(b"GET /x HTTP/1.0\\r\\n\\r\\n")
before = time.process_time()
time.sleep(1.5)
print(time.process_time() - before)
for one in held:
    os.close(one)
client.settimeout(60)
text = b""
while data := client.recv(1000):
    text += data
print(text.decode().splitlines()[-1])
server.stop()
"""


def test_without_descriptors_nothing_spins():
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_DESCRIPTORS],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    cpu_s, answer = done.stdout.split()
    assert float(cpu_s) < 0.5  # 1.5 where it tries all the time
    assert answer == "fine"
    assert done.stderr == ""
