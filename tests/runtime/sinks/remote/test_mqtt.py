import json
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from runtime.errors import UserError
from runtime.sinks.remote.mqtt import Mqtt
from runtime.sinks.remote.queue import RemoteSink, SendError
from runtime.support.backoff import Pauses
from tests.runtime.sinks.conftest import refuses_other_certificates, result, wait_until
from tests.support.receivers import MOSQUITTO, Broker
from tests.support.servers import encrypted, untrusted_server

paho = pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt (the extra mqtt)")


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
    assert sink.counts() == {"sent": 100, "dropped": 0, "refused": 0, "queued": 0, "lost": 0}
    wait_until(lambda: len(got) == 100)
    assert [json.loads(m) for m in got] == [result(i).to_dict() for i in range(100)]


def test_a_broker_that_comes_back_gets_what_waited(broker, listen, caplog):
    caplog.set_level("INFO")
    one = broker()
    sink = RemoteSink(
        Mqtt(f"mqtt://127.0.0.1:{one.port}/t"), pauses=Pauses(limits_s=(0.01, 0.1)), flush_s=60
    )
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
    link = Mqtt(f"mqtts://127.0.0.1:{port}/t")
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


ACCEPTED = b"\x20\x02\0\0"


def broker_that_sends(*packets: bytes, then: bytes = b"", pause_s: float = 0.0):
    """Answers CONNECT with some packets, then sends the same bytes for ever."""

    def talk(peer: socket.socket) -> None:
        assert peer.recv(100)[0] == 0x10
        for packet in packets:
            peer.sendall(packet)
        while then:
            peer.sendall(then)
            time.sleep(pause_s)
        while peer.recv(1 << 16):  # never acknowledged
            pass

    return talk


def published(number: int) -> bytes:
    """A message to a subscriber, at QoS 2: paho keeps it until it is released."""
    body = b"\0\x01t" + struct.pack(">H", number) + b"x" * 100
    return b"\x34" + bytes([len(body)]) + body


@pytest.mark.parametrize(
    "then",
    [
        published(1) + published(2),
        b"\x30\x03\0\x01t",  # QoS 0
        b"\x30\xff\xff\xff\x7f" + b"x" * 100000,  # 256 MiB
        b"\x20\xff\xff\xff\x7f" + b"x" * 100000,
        b"\x40\x04\0\x09\0\0",
        b"\xd0\0" * 1000,
        b"\x40\x02\xff\xff" * 1000,
        b"\x50\x02\0\x01" * 1000,
        b"\x62\x02\0\x01" * 1000,
        b"\x90\x03\0\x01\0" * 1000,
        ACCEPTED * 1000,
        b"\xff" * 1000,
    ],
)
def test_a_flood_ends_the_connection_at_once(then):
    with untrusted_server(broker_that_sends(ACCEPTED, then=then)) as port:
        link = Mqtt(f"mqtt://127.0.0.1:{port}/t", timeout_s=60)
        with pytest.raises(SendError, match="the connection broke|doesn't speak"):
            link.send([b"x"])
        assert link._client is None


def test_a_flood_while_idle_ends_the_connection():
    def talk(peer: socket.socket) -> None:
        peer.recv(100)
        peer.sendall(ACCEPTED)
        while data := peer.recv(1 << 16):
            if data[0] == 0x32:
                peer.sendall(b"\x40\x02\0\x01" + published(1) * 1000)

    with untrusted_server(talk) as port:
        link = Mqtt(f"mqtt://127.0.0.1:{port}/t", timeout_s=60)
        link.send([b"x"])

        def gone() -> bool:
            link.idle()
            return link._client is None

        wait_until(gone)


def test_acknowledgements_of_what_was_not_read_let_nothing_pile_up():
    def talk(peer: socket.socket) -> None:
        peer.recv(100)
        peer.sendall(ACCEPTED)
        for number in range(1, 65536):
            peer.sendall(b"\x40\x02" + struct.pack(">H", number))
            time.sleep(0.001)
        while peer.recv(1 << 16):
            pass

    with untrusted_server(talk) as port:
        link = Mqtt(f"mqtt://127.0.0.1:{port}/t", timeout_s=1)
        with pytest.raises(SendError):
            for _ in range(1000):
                link.send([b"x" * 100000] * 16)
                assert not link._client.want_write()
        assert link._client is None


@pytest.mark.parametrize(
    "talk",
    [
        broker_that_sends(ACCEPTED),
        broker_that_sends(ACCEPTED[:3]),
        broker_that_sends(ACCEPTED, then=b"\xd0\0", pause_s=0.02),
        broker_that_sends(ACCEPTED, b"\x40"),
    ],
)
def test_one_deadline_holds_for_a_batch(talk):
    with untrusted_server(talk) as port:
        link = Mqtt(f"mqtt://127.0.0.1:{port}/t", timeout_s=0.3)
        started = time.monotonic()
        with pytest.raises(SendError, match=r"within 0.3 s"):
            link.send([b"x"])
        assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 27, 128, 135, 255])
def test_refusals_are_in_words_of_our_own(code):
    with untrusted_server(broker_that_sends(b"\x20\x02\0" + bytes([code]))) as port:
        link = Mqtt(f"mqtt://127.0.0.1:{port}/t", timeout_s=60)
        with pytest.raises(SendError) as caught:
            link.send([b"x"])
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_certificates_of_brokers_are_checked(tmp_path, monkeypatch):
    asked = []

    def talk(peer: socket.socket) -> None:
        asked.append(peer.recv(100))
        peer.sendall(ACCEPTED)
        peer.recv(100)
        peer.sendall(b"\x40\x02\0\x01")
        peer.recv(100)

    def publish(file, trusted, old: bool = False) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with untrusted_server(encrypted(file, talk, old)) as port:
            link = Mqtt(f"mqtts://user:secret@127.0.0.1:{port}/t")
            link.send([b"x"])
            link.close()

    own = refuses_other_certificates(tmp_path, publish)
    assert not asked
    publish(own, own)
    assert len(asked) == 1


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    asked = []
    with untrusted_server(lambda peer: asked.append(peer.recv(100))) as proxy:
        monkeypatch.setenv("mqtt_proxy", f"http://127.0.0.1:{proxy}")
        refusing = broker_that_sends(b"\x20\x02\0\x05")
        with untrusted_server(refusing) as port, pytest.raises(SendError, match="Not authorized"):
            Mqtt(f"mqtt://127.0.0.1:{port}/t").send([b"x"])
    assert not asked


@pytest.mark.parametrize(
    "topic", ["a%1B[2Jb", "a%0Ab", "a%00", "a%7F", "a%C2%9Bb", "a%E2%80%AEb", "a" * 65536]
)
def test_a_topic_is_printable(topic):
    with pytest.raises(UserError, match="65535 bytes, all of them printable"):
        Mqtt(f"mqtt://host/{topic}")


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
    with pytest.raises(UserError, match="pip install 'paho-mqtt"):
        Mqtt("mqtt://host/a")
