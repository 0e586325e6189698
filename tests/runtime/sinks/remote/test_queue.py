import json
import logging
import subprocess
import sys
import threading

import pytest

from runtime.errors import UserError
from runtime.sinks.remote.address import read_address
from runtime.sinks.remote.queue import Rejected, RemoteSink, SendError
from runtime.support.backoff import Pauses
from tests.conftest import REPO
from tests.runtime.sinks.conftest import result, wait_until
from tests.support.servers import untrusted_server

QUICK = (0.001, 0.002)


class Receiver:
    """A transport whose far side does as told."""

    kind = "fake"
    name = "fake://host"

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.got: list[int] = []
        self.tries = 0
        self.idled = 0
        self.closed = threading.Event()
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.trouble: Exception | None = None

    def send(self, messages: list[bytes]) -> None:
        self.tries += 1
        self.entered.set()
        self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        assert 1 <= len(messages) <= self.batch
        self.got += [json.loads(m)["frame"] for m in messages]

    def idle(self) -> None:
        self.idled += 1

    def close(self) -> None:
        self.closed.set()


def test_messages_arrive_in_order_and_the_thread_ends():
    far = Receiver(batch=4)
    sink = RemoteSink(far, flush_s=60)
    for i in range(50):
        sink.write(result(i))
    sink.close()
    sink.close()
    assert far.got == list(range(50))
    assert far.closed.is_set()
    assert sink.counts() == {"sent": 50, "dropped": 0, "refused": 0, "queued": 0, "lost": 0}


def test_a_receiver_that_hangs_holds_nothing_up(caplog):
    far = Receiver()
    far.gate.clear()
    sink = RemoteSink(far, capacity=10, flush_s=0.05)
    sink.write(result(0))
    assert far.entered.wait(60)
    for i in range(1, 101):  # would never end, if it waited for the receiver
        sink.write(result(i))
    assert sink.counts() == {"sent": 0, "dropped": 90, "refused": 0, "queued": 11, "lost": 0}
    with caplog.at_level(logging.INFO):
        sink.close()
    assert sink.counts() == {"sent": 0, "dropped": 90, "refused": 0, "queued": 0, "lost": 11}
    assert "gave up; 11 messages lost" in caplog.text
    far.gate.set()  # too late: counted as lost already
    assert far.closed.wait(60)
    assert sink.counts()["sent"] == 0
    assert far.got == [0]


def test_a_receiver_that_comes_back_gets_the_latest(caplog):
    far = Receiver(batch=3)
    far.trouble = SendError("refuses")
    with caplog.at_level(logging.INFO):
        sink = RemoteSink(far, capacity=5, pauses=Pauses(limits_s=QUICK), flush_s=60)
        for i in range(20):
            sink.write(result(i))
        wait_until(lambda: far.tries > 5)
        wait_until(lambda: sink.counts()["dropped"] == 15)
        far.trouble = None
        sink.close()
    assert far.got == [15, 16, 17, 18, 19]
    assert sink.counts() == {"sent": 5, "dropped": 15, "refused": 0, "queued": 0, "lost": 0}
    assert caplog.text.count("trying again") == 1  # not at each try
    assert "works again" in caplog.text


def test_a_refusal_after_a_failure_is_told_at_once(caplog):
    far = Receiver()
    far.trouble = SendError("can't be reached")
    sink = RemoteSink(far, pauses=Pauses(limits_s=QUICK), flush_s=60)
    sink.write(result(0))
    wait_until(lambda: "trying again" in caplog.text)
    far.trouble = Rejected("answers 403")
    wait_until(lambda: "answers 403; they are dropped" in caplog.text)
    far.trouble = SendError("can't be reached")
    tries = far.tries
    sink.write(result(1))
    wait_until(lambda: far.tries > tries + 3)
    assert caplog.text.count("trying again") == 1  # a receiver that does both in turns
    far.trouble = None
    sink.close()


def test_refused_messages_are_dropped_and_said_to_be(caplog):
    far = Receiver()
    far.trouble = Rejected("answers 400 and refuses the messages")
    sink = RemoteSink(far, pauses=Pauses(limits_s=QUICK), flush_s=60)
    for i in range(3):
        sink.write(result(i))
    wait_until(lambda: sink.counts()["refused"] == 3)
    assert sink.counts()["dropped"] == 0
    far.trouble = None
    sink.write(result(3))
    sink.close()
    assert far.got == [3]
    assert "answers 400 and refuses the messages; they are dropped, frames go on" in caplog.text
    assert "3 messages refused by the receiver" in caplog.text
    assert "trying again" not in caplog.text
    assert "too slow" not in caplog.text


def test_a_receiver_that_fails_in_turns_does_not_fill_the_log(caplog):
    caplog.set_level(logging.INFO)
    far = Receiver()
    sink = RemoteSink(far, pauses=Pauses(limits_s=QUICK), flush_s=60)
    for i in range(20):
        far.trouble = SendError("refuses")
        tries = far.tries
        sink.write(result(i))
        wait_until(lambda tries=tries: far.tries > tries)
        far.trouble = None
        wait_until(lambda: sink.counts()["queued"] == 0)
    assert caplog.text.count("trying again") == caplog.text.count("works again") == 1
    sink._quiet_until[False] = 0.0  # as after a minute
    far.trouble = SendError("refuses")
    sink.write(result(20))
    wait_until(lambda: caplog.text.count("trying again") == 2)
    far.trouble = None
    sink.close()
    assert caplog.text.count("works again") == 2


def test_a_defect_of_a_library_neither_ends_it_nor_shows_its_text(caplog):
    far = Receiver()
    far.trouble = ZeroDivisionError("http://user:secret@host")
    sink = RemoteSink(far, pauses=Pauses(limits_s=QUICK), flush_s=60)
    sink.write(result(0))
    wait_until(lambda: far.tries > 2)
    far.trouble = None
    sink.close()
    assert far.got == [0]
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


def test_pauses_grow(monkeypatch):
    far = Receiver()
    sink = RemoteSink(far, pauses=Pauses(limits_s=(1.0, 6.0)))
    sink.close()
    waits: list[float] = []
    sink._give_up_at = None
    monkeypatch.setattr(sink._changed, "wait_for", lambda _, pause: waits.append(pause))
    for _ in range(5):
        sink._pause()
    for wait, nominal in zip(waits, (1, 2, 4, 6, 6), strict=True):
        assert 0.8 * nominal <= wait <= nominal


def test_closing_cuts_a_long_pause_short():
    far = Receiver()
    far.trouble = SendError("refuses")
    sink = RemoteSink(far, pauses=Pauses(limits_s=(3600, 3600)), flush_s=60)
    sink.write(result(0))
    wait_until(lambda: far.tries == 1)
    far.trouble = None
    sink.close()
    assert far.got == [0]


_WITHOUT_DESCRIPTORS = """
import logging, os, resource, sys, time
from runtime.sinks.remote.mqtt import Mqtt
from runtime.sinks.remote.queue import RemoteSink
from runtime.sinks.remote.webhook import Webhook
from runtime.support.backoff import Pauses
from tests.runtime.sinks.conftest import result, wait_until

logging.basicConfig(level="WARNING", stream=sys.stdout, format="%(message)s")
transports = Webhook(sys.argv[1]), Mqtt(sys.argv[2])
sinks = [RemoteSink(one, pauses=Pauses(limits_s=(0.2, 0.2))) for one in transports]
before = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.dup(0))
except OSError:
    pass
cpu = time.process_time()
for sink in sinks:
    sink.write(result(0))
time.sleep(1.5)
print(time.process_time() - cpu)
for one in held:
    os.close(one)
wait_until(lambda: all(sink.counts()["sent"] for sink in sinks))
for sink in sinks:
    sink.close()
wait_until(lambda: len(os.listdir("/proc/self/fd")) == before)
"""


def test_without_descriptors_receivers_are_tried_with_pauses():
    pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt (the extra mqtt)")

    def http(peer):
        while peer.recv(1 << 16):
            peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def mqtt(peer):
        peer.recv(100)
        peer.sendall(b"\x20\x02\0\0")
        while peer.recv(1 << 16):
            peer.sendall(b"\x40\x02\0\x01")

    with untrusted_server(http) as web, untrusted_server(mqtt) as broker:
        urls = f"http://127.0.0.1:{web}/", f"mqtt://127.0.0.1:{broker}/t"
        done = subprocess.run(
            [sys.executable, "-c", _WITHOUT_DESCRIPTORS, *urls],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum("Too many open files; trying again" in line for line in lines) == 2
    assert float(lines[-1]) < 0.5  # 1.5 where they try all the time


@pytest.mark.parametrize(
    "url",
    [
        "host/x",
        "ftp://host/x",
        "http:///x",
        "http://u:secret@host:port/x",
        "http://u:sec#ret@host/x",
        "http://u:12?secret@host/x",
        "http://u:12/secret@host/x",
        "http://[secret/x",
        "http://host/x#secret",
    ],
)
def test_a_url_that_makes_no_sense_is_not_repeated(url):
    with pytest.raises(UserError) as caught:
        read_address(url, ("http",), "must be a URL")
    assert "secret" not in str(caught.value)


def test_a_url_is_read():
    got = read_address("http://a%40b:p%2Fw@[::1]:81/x?to=a", ("http",), "")
    assert (got.user, got.password, got.host, got.port) == ("a@b", "p/w", "::1", 81)
    assert (got.path, got.query, got.shown) == ("/x", "to=a", "http://[::1]:81")
    assert "p/w" not in repr(got)
