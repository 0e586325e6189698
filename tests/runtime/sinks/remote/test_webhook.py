import base64
import json
import shutil
import socket
import threading
import time

import pytest

from runtime.errors import UserError
from runtime.sinks.remote.queue import Rejected, RemoteSink, SendError
from runtime.sinks.remote.webhook import Webhook
from runtime.support.backoff import Pauses
from runtime.support.net.sockets import dial
from tests.runtime.sinks.conftest import refuses_other_certificates, result, wait_until
from tests.support.receivers import http_receiver
from tests.support.servers import encrypted, untrusted_server

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def receiver():
    with http_receiver() as server:
        yield server


def test_a_frame_is_one_json_object(receiver):
    sink = RemoteSink(Webhook(receiver.url.replace("//", "//us%40er:p%3Aw@") + "/h k?t=1"))
    sink.write(result(4))
    wait_until(lambda: sink.counts()["sent"] == 1)
    sink.close()
    ((path, headers, body),) = receiver.requests
    assert path == "/h%20k?t=1"
    assert headers["Content-Type"] == "application/json"
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"us@er:p:w"
    assert json.loads(body) == result(4).to_dict()


def test_several_frames_are_json_lines(receiver):
    hook = Webhook(receiver.url, batch=10)
    hook.send([b'{"frame":1}', b'{"frame":2}'])
    hook.close()
    ((path, headers, body),) = receiver.requests
    assert path == "/"
    assert headers["Content-Type"] == "application/x-ndjson"
    assert body == b'{"frame":1}\n{"frame":2}\n'


def test_errors_of_the_server_are_outlived(receiver, caplog):
    receiver.script += [500, 503, "drop", 429]
    sink = RemoteSink(
        Webhook(receiver.url + "/secret"), pauses=Pauses(limits_s=(0.001, 0.002)), flush_s=60
    )
    for i in range(5):
        sink.write(result(i))
    sink.close()
    assert sink.counts()["sent"] == 5
    good = [json.loads(body)["frame"] for _, _, body in receiver.requests][4:]
    assert good == [0, 1, 2, 3, 4]
    assert "answers 500 Internal Server Error" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413])
def test_answers_that_will_not_change_are_told_apart(receiver, status):
    receiver.script += [status]
    hook = Webhook(receiver.url)
    with pytest.raises(Rejected, match=str(status)):
        hook.send([b"{}"])
    hook.send([b"{}"])
    hook.close()


def test_a_connection_that_was_closed_while_idle_is_no_failure(receiver):
    receiver.script += [202]
    hook = Webhook(receiver.url)
    hook.send([b"{}"])
    hook.send([b"{}"])
    hook.close()
    assert len(receiver.requests) == 2


def test_nobody_there_is_said_without_the_url():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hook = Webhook(f"http://u:secret@127.0.0.1:{port}/secret?secret")
    with pytest.raises(SendError, match="^Connection refused$"):
        hook.send([b"{}"])
    assert "secret" not in hook.name


def test_a_receiver_that_never_answers_times_out(monkeypatch):

    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook = Webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.1)
        with pytest.raises(SendError, match="timed out"):
            hook.send([b"{}"])


def test_a_receiver_that_speaks_something_else_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            peer, _ = server.accept()
            peer.recv(100)
            peer.sendall(b"SSH-2.0 secret\r\n\r\n")
            peer.close()

        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(SendError) as caught:
            Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/").send([b"{}"])
        thread.join()
    assert "secret" not in str(caught.value)


def answer(head: bytes, again: bytes, pause_s: float = 0.0):
    """Reads a request, says `head`, then `again` for ever."""

    def talk(peer: socket.socket) -> None:
        assert peer.recv(1 << 16)
        peer.sendall(head)
        while again:
            peer.sendall(again)
            time.sleep(pause_s)

    return talk


@pytest.mark.parametrize(
    ("head", "again"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 ", b"O"),
        (OK, b"A: b\r\n"),
        (OK + b"A: ", b"b"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (OK + b"Content-Length: 1000\r\n\r\n", b"x"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
)
def test_one_deadline_holds_for_all_of_an_answer(head, again):
    with untrusted_server(answer(head, again, 0.05)) as port:
        hook = Webhook(f"http://127.0.0.1:{port}/", timeout_s=0.4)
        started = time.monotonic()
        with pytest.raises(SendError, match="timed out"):
            hook.send([b"{}"])
        assert time.monotonic() - started >= 0.3
        hook.close()


def test_the_deadline_holds_for_both_tries_on_a_kept_connection(monkeypatch):
    """It is kept after one answer, and then held and closed."""
    tries = []
    times: list[float] = []

    def watched(host, port, seconds, receive, tls):
        times.append(seconds)
        return dial(host, port, seconds, receive, tls=tls)

    def talk(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        tries.append(1)
        if len(tries) == 1:
            peer.sendall(OK + b"Content-Length: 0\r\n\r\n")
            peer.recv(1 << 16)
            time.sleep(0.5)
        else:
            while peer.recv(1 << 16):
                pass

    with untrusted_server(talk) as port:
        monkeypatch.setattr("runtime.sinks.remote.webhook.dial", watched)
        hook = Webhook(f"http://127.0.0.1:{port}/", timeout_s=0.7)
        hook.send([b"{}"])
        with pytest.raises(SendError, match="timed out"):
            hook.send([b"{}"])
        assert len(tries) == 2
        assert times[0] == 0.7
        assert times[1] < 0.3
        hook.close()


@pytest.mark.parametrize(
    ("head", "again"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n" + b"A: b\r\n" * 50 + b"\r\n"),
        (b"HTTP/1.1 200 ", b"O" * 1000),
        (OK, (b"A: " + b"b" * 60000 + b"\r\n") * 10),
        (OK, b"A: b\r\n" * 1000),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 1000 + b"\r\nx\r\n"),
    ],
)
def test_an_answer_without_end_is_cut(head, again):
    with untrusted_server(answer(head, again)) as port:
        hook = Webhook(f"http://127.0.0.1:{port}/", timeout_s=60)
        with pytest.raises(SendError, match=r"sends more than it should|HTTPException|LineTooLong"):
            hook.send([b"{}"])
        hook.close()


@pytest.mark.parametrize(
    "head",
    [
        OK + b"Content-Length: 1000000000000\r\n\r\n",
        OK + b"Content-Length: -5\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        OK + b"\r\n",
    ],
)
def test_of_a_huge_answer_only_the_start_is_read(head):
    with untrusted_server(answer(head, b"x" * 100000)) as port:
        hook = Webhook(f"http://127.0.0.1:{port}/", timeout_s=60)
        hook.send([b"{}"])
        assert hook._connection.sock is None
        hook.close()


@pytest.mark.parametrize(
    "words",
    [
        OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nsecret",
        OK + b"Transfer-Encoding: chunked\r\n\r\n\x1b[2Jsecret\r\n",
        b"HTTP/1.1 \x1b[2Jsecret\r\n\r\n",
        b"HTTP/7.1 200 secret\r\n\r\n",
        b"HTTP/1.1 503 \x1b[2Jsecret\r\n\r\n",
        b"HTTP/1.1 999 \x1b[2Jsecret\r\n\r\n",
        b"HTTP/1.1 400 \x1b[2Jsecret\r\nLocation: secret\r\n\r\n",
    ],
)
def test_what_a_receiver_writes_is_in_no_message(words, caplog):
    caplog.set_level("DEBUG")
    with untrusted_server(answer(words, b"")) as port:
        sink = RemoteSink(
            Webhook(f"http://127.0.0.1:{port}/"),
            pauses=Pauses(limits_s=(0.001, 0.001)),
            flush_s=0.05,
        )
        sink.write(result(0))
        wait_until(lambda: "frames go on" in caplog.text)
        sink.close()
    assert "secret" not in caplog.text
    assert "\x1b" not in caplog.text


def test_redirects_are_not_followed_and_get_no_password(receiver):
    asked = []
    with untrusted_server(lambda peer: asked.append(peer.recv(1 << 16))) as port:
        receiver.script += [301, 302, 303, 307, 308]
        receiver.location = f"http://127.0.0.1:{port}/"
        hook = Webhook(receiver.url.replace("//", "//user:secret@"))
        for _ in range(5):
            with pytest.raises(Rejected, match="answers 30"):
                hook.send([b"{}"])
        hook.close()
    assert not asked
    assert len(receiver.requests) == 5


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    asked = []
    with untrusted_server(lambda peer: asked.append(peer.recv(1 << 16))) as port:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{port}")
        hook = Webhook(receiver.url)
        hook.send([b"{}"])
        hook.close()
    assert not asked
    assert len(receiver.requests) == 1


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_certificates_of_receivers_are_checked(tmp_path, monkeypatch):
    asked = []

    def talk(peer: socket.socket) -> None:
        while data := peer.recv(1 << 16):
            asked.append(data)
            peer.sendall(OK + b"Content-Length: 0\r\n\r\n")

    def post(file, trusted, old: bool = False) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with untrusted_server(encrypted(file, talk, old)) as port:
            hook = Webhook(f"https://user:secret@127.0.0.1:{port}/")
            try:
                hook.send([b"{}"])
                hook.send([b"{}"])
            finally:
                hook.close()

    own = refuses_other_certificates(tmp_path, post)
    assert not asked
    post(own, own)
    assert b"".join(asked).count(b"POST / HTTP/1.1\r\n") == 2


def test_a_usual_port_is_not_in_the_host_header():
    for url, port in (("http://h/", 80), ("https://h/", 443), ("http://[::1]/", 80)):
        link = Webhook(url)._connection
        assert (link.port, link.default_port) == (port, port)


@pytest.mark.parametrize(
    "url",
    [
        "host",
        "mqtt://host/x",
        "http://u:secret@/",
        "http://",
        "http://my secret/x",
        "http://a\x7f/",
    ],
)
def test_other_urls_are_refused(url):
    with pytest.raises(UserError, match="--webhook must be") as caught:
        Webhook(url)
    assert "secret" not in str(caught.value)
