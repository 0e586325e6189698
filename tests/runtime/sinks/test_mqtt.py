import json
import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from runtime.errors import UserError
from runtime.sinks.mqtt import Mqtt
from runtime.sinks.remote import RemoteSink, SendError
from tests.runtime.sinks.conftest import result, wait_until

paho = pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt (the extra mqtt)")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Broker:
    """Mosquitto on loopback."""

    def __init__(self, folder, *lines: str) -> None:
        self.port = free_port()
        self.config = folder / "mosquitto.conf"
        text = [f"listener {self.port} 127.0.0.1", *lines]
        if os.geteuid() == 0:
            text.append("user root")  # else it gives up its right to read our files
        self.config.write_text("\n".join(text) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        self.process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        wait_until(self._answers)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "mosquitto ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


@pytest.fixture
def broker(tmp_path):
    """Makes brokers, which end with the test."""
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    made: list[Broker] = []

    def make(*lines: str) -> Broker:
        made.append(Broker(tmp_path, *(lines or ("allow_anonymous true",))))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def listen():
    """Subscribes to a topic; gives the list that messages come into."""
    clients = []

    def subscribe(port: int, topic: str) -> list[bytes]:
        got: list[bytes] = []
        ready = threading.Event()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.on_connect = lambda c, *_: c.subscribe(topic, 1)
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = lambda _c, _d, message: got.append(message.payload)
        client.connect("127.0.0.1", port)
        client.loop_start()
        clients.append(client)
        assert ready.wait(60)
        return got

    yield subscribe
    for client in clients:
        client.disconnect()
        client.loop_stop()


def test_every_frame_reaches_the_broker(broker, listen):
    port = broker().port
    got = listen(port, "faces/door 1")
    sink = RemoteSink(Mqtt(f"mqtt://127.0.0.1:{port}/faces/door%201"), flush_s=60)
    for i in range(100):
        sink.write(result(i))
    sink.close()
    assert sink.counts() == {"sent": 100, "dropped": 0, "queued": 0, "lost": 0}
    wait_until(lambda: len(got) == 100)
    assert [json.loads(m) for m in got] == [result(i).to_dict() for i in range(100)]


def test_a_broker_that_comes_back_gets_what_waited(broker, listen, caplog):
    caplog.set_level("INFO")
    one = broker()
    sink = RemoteSink(Mqtt(f"mqtt://127.0.0.1:{one.port}/t"), pauses_s=(0.01, 0.1), flush_s=60)
    sink.write(result(0))
    wait_until(lambda: sink.counts()["sent"] == 1)
    one.stop()
    for i in range(1, 6):
        sink.write(result(i))
    wait_until(lambda: "trying again" in caplog.text)
    one.start()
    wait_until(lambda: sink.counts()["sent"] == 6)
    got = listen(one.port, "t")
    sink.write(result(6))
    sink.close()
    wait_until(lambda: bool(got))
    assert "works again" in caplog.text


def test_an_idle_connection_gives_signs_of_life(broker):
    link = Mqtt(f"mqtt://127.0.0.1:{broker().port}/t")
    link.send([b"a"])
    client, log = link._client, []
    client.on_log = lambda _c, _d, _level, text: log.append(text)
    client._last_msg_out -= 100  # as if so many seconds had passed

    def answered() -> bool:
        link.idle()
        return "Received PINGRESP" in log

    wait_until(answered)
    link.send([b"b"])
    assert link._client is client
    link.close()
    link.close()


def test_a_broker_that_went_while_idle_is_left(broker):
    one = broker()
    link = Mqtt(f"mqtt://127.0.0.1:{one.port}/t")
    link.send([b"a"])
    one.stop()

    def gone() -> bool:
        link.idle()
        return link._client is None

    wait_until(gone)
    with pytest.raises(SendError, match="Connection refused"):
        link.send([b"b"])


def test_user_and_password(broker, tmp_path):
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("needs mosquitto_passwd")
    passwords = tmp_path / "passwords"
    subprocess.run([tool, "-b", "-c", str(passwords), "me", "p@ss"], check=True)
    port = broker("allow_anonymous false", f"password_file {passwords}").port
    good = Mqtt(f"mqtt://me:p%40ss@127.0.0.1:{port}/t")
    good.send([b"x"])
    good.close()
    bad = Mqtt(f"mqtt://me:secret@127.0.0.1:{port}/t")
    with pytest.raises(SendError, match="refuses: Not authorized"):
        bad.send([b"x"])
    assert "secret" not in bad.name


def test_tls(broker, tmp_path, monkeypatch):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    port = broker("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}").port
    link = Mqtt(f"mqtts://127.0.0.1:{port}/t")
    with pytest.raises(SendError, match="(?i)certificate"):
        link.send([b"x"])
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    link.send([b"x"])
    link.close()


def test_a_broker_that_hangs_times_out(monkeypatch):

    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = Mqtt(f"mqtt://127.0.0.1:{silent.getsockname()[1]}/t", timeout_s=0.2)
        with pytest.raises(SendError, match="doesn't answer"):
            link.send([b"x"])


@pytest.mark.parametrize(
    "words",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x20\x02\x00\x00" + b"\x30\x02\xff\xff" + b"\x90\x00" + b"\xff" * 40,
        b"\x20\x01\x00",
        b"",
    ],
)
def test_a_broker_that_speaks_something_else_is_a_failure(words):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            peer, _ = server.accept()
            peer.recv(100)
            peer.sendall(words)
            peer.close()

        thread = threading.Thread(target=talk)
        thread.start()
        link = Mqtt(f"mqtt://127.0.0.1:{server.getsockname()[1]}/t")
        with pytest.raises(SendError):
            link.send([b"x"])
        thread.join()
        link.idle()


@pytest.mark.parametrize(
    "url",
    [
        "host/x",
        "http://host/x",
        "mqtt://host",
        "mqtt://host/",
        "mqtt://u:secret@host/a/#",
        "mqtt://u:secret@host/a/%23",
        "mqtt://u:secret@host/+/a",
        "mqtt://host/a?secret",
        "mqtt:///a",
    ],
)
def test_other_urls_are_refused(url):
    with pytest.raises(UserError, match="--mqtt") as caught:
        Mqtt(url)
    assert "secret" not in str(caught.value)


def test_without_paho_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(UserError, match=r"pip install -e '\.\[mqtt\]'"):
        Mqtt("mqtt://host/a")
