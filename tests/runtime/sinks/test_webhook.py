import base64
import http.server
import json
import socket
import threading

import pytest

from runtime.errors import UserError
from runtime.sinks.remote import Rejected, RemoteSink, SendError
from runtime.sinks.webhook import Webhook
from tests.runtime.sinks.conftest import result, wait_until


class _Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    timeout = 60

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        script = self.server.script
        status = script.pop(0) if script else 200
        if status == "drop":
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        if status == 202:
            self.close_connection = True  # without a word, as servers do to idle clients

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    """An HTTP server on loopback; `script` holds its next answers."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.daemon_threads = False  # so that they are waited for
    server.requests, server.script = [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


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
    sink = RemoteSink(Webhook(receiver.url + "/secret"), pauses_s=(0.001, 0.002), flush_s=60)
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
