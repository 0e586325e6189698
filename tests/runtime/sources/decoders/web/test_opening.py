"""What a web server's answer is taken for, by real servers on loopback."""

from __future__ import annotations

import time
from contextlib import closing, suppress

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import SourceError, Unreachable
from runtime.sources.decoders import base
from runtime.sources.factory import open_source
from tests.conftest import write_video
from tests.support.web import MULTIPART, Web, count, jpeg, part

PICTURES = [jpeg(16 * number, 32) for number in range(1, 6)]


def stream(kind=MULTIPART, head=b"Content-Type: image/jpeg\r\n", before=b"", first=()):
    """Sends every picture as a part, and waits for the reader to hang up."""

    def send(handler):
        handler.head(kind) if kind else handler.send(b"HTTP/1.0 200 OK\r\n\r\n")
        handler.send(before)
        for data in (*first, *PICTURES):
            handler.send(b"--f\r\n" + head + b"\r\n" + data + b"\r\n")
        handler.send(b"--f--\r\n")

    return send


def widths(url: str, count: int = 5) -> list[int]:
    source = open_source(url, reconnect_s=0)
    try:
        return [source.read().picture.bgr().shape[1] for _ in range(count)]
    finally:
        source.close()


@pytest.mark.parametrize(
    "send",
    [
        stream(),
        stream(head=b""),
        stream(head=b"Content-Type: image/jpg\r\n"),
        stream(head=b"content-type: IMAGE/JPEG; charset=x\r\nX-Time: 1\r\n"),
        stream("multipart/x-mixed-replace;boundary=--f"),
        stream('multipart/x-mixed-replace; boundary="f"'),
        stream("multipart/x-mixed-replace"),
        stream("multipart/mixed; boundary=other"),
        stream("application/octet-stream"),
        stream("text/html"),
        stream("image/jpeg"),
        stream(None),
        stream(before=b"\r\n"),
        stream(first=[b"starting up", b"{}"]),
    ],
)
def test_motion_jpeg_is_read_however_it_is_labelled(send):
    with Web(cam=send) as server:
        assert widths(server.url("cam")) == [16, 32, 48, 64, 80]


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("text/html", b"<html>login</html>", "a web page"),
        ("text/html", b"", "a web page"),
        ("application/octet-stream", b"\n<!DOCTYPE html><p>x", "a web page"),
        ("application/json", b'{"error": 1}', "application/json, not video"),
        ("audio/mpeg", b"ID3" + bytes(100), "audio/mpeg, not video"),
        ("application/dash+xml", b"<?xml version='1.0'?><MPD></MPD>", "DASH"),
        ("text/plain", b"hello, who are you?", "text/plain, which isn't video"),
        (MULTIPART, b"--f\r\n\r\nhello\r\n--f--\r\n", "server ended the stream"),
        (MULTIPART, b"hello\n" * 100_000, "no parts of a multipart stream"),
        ("image/jpeg", b"no picture", "sends no picture"),
    ],
)
def test_what_is_no_video_is_named(kind, body, words):
    def send(handler):
        handler.head(kind)
        handler.send(body)

    with Web(cam=send) as server, pytest.raises(Unreachable, match=words):
        open_source(server.url("cam"))


@pytest.mark.parametrize("code", [401, 403, 404, 500])
def test_a_refusal_is_told_by_its_code(code):
    with (
        Web(cam=lambda h: h.head("text/plain", code)) as server,
        pytest.raises(Unreachable, match=str(code)) as error,
    ):
        open_source(server.url("cam"))
    login = "user and password" in str(error.value)
    assert login == (code in (401, 403))


def test_a_login_of_an_unknown_kind_is_a_login():
    def bearer(handler):
        handler.head("text/plain", 401, **{"WWW-Authenticate": "Bearer x"})

    with Web(cam=bearer) as server, pytest.raises(Unreachable, match="401"):
        open_source(server.url("cam", "me:secret@"))


def test_silence_is_no_unreachable_host(monkeypatch):
    monkeypatch.setattr(base, "TIMEOUT_S", 0.5)

    def silent(handler):
        handler.head(MULTIPART)
        handler.wfile.flush()
        time.sleep(2)

    def mute(handler):
        time.sleep(2)

    with Web(cam=silent, mute=mute) as server:
        for path in ("cam", "mute"):
            with pytest.raises(Unreachable, match="connected, but silent"):
                open_source(server.url(path))
    with pytest.raises(Unreachable, match="Connection refused"):
        open_source(server.url("cam"))
    with pytest.raises(Unreachable, match="host name is unknown"):
        open_source("http://nowhere.invalid/cam")


def test_a_lost_stream_says_why_it_is_not_back(monkeypatch):
    gone = []

    def once(handler):
        if gone:
            handler.head("text/plain", 401)
        else:
            gone.append(1)
            stream()(handler)

    with Web(cam=once) as server:
        source = open_source(server.url("cam"), reconnect_s=1)
        with pytest.raises(SourceError, match=r"not back within 1 s: asks for.*\(401\)"):
            while True:
                source.read()
        source.close()


def test_broken_pictures_are_passed_over_without_a_word(capfd):
    broken = bytearray(jpeg(320, 240))
    broken[400:420] = bytes(20)
    with Web(cam=stream(first=[PICTURES[0], bytes(broken), b"\xff\xd8\xff\xe0"])) as server:
        source = open_source(server.url("cam"), reconnect_s=0)
        got = [source.read().picture for _ in range(4)]
        assert got[0].bgr().shape == (32, 16, 3)
        source.close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/octet-stream"])
def test_a_video_by_any_other_type_is_one(kind, tmp_path, portrait):
    data = write_video(tmp_path / "a.avi", [portrait] * 40, codec="MJPG").read_bytes()

    def video(handler):
        handler.head(kind)
        handler.send(data)

    with Web(clip=video) as server:
        assert count(server.url("clip")) == 40


def test_a_picture_of_grey_and_one_turned_by_its_tag_are_shown_right():
    tag = bytes.fromhex("ffe10022457869660000") + b"MM\0\x2a\0\0\0\x08\0\x01"
    tag += b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    grey = cv2.imencode(".jpg", np.full((24, 32), 99, np.uint8))[1].tobytes()
    turned = jpeg(64, 48)
    with Web(cam=stream(first=[grey, turned[:2] + tag + turned[2:]])) as server:
        source = open_source(server.url("cam"), reconnect_s=0)
        shapes = [source.read().picture.bgr().shape for _ in range(2)]
        source.close()
    assert shapes == [(24, 32, 3), (64, 48, 3)]


_PIECES = [
    *(b"--f\r\n", b"\r\n", b"--f", b"Content-Length: 5\r\n", b"Content-Type: image/jpeg\r\n"),
    *(b"\xff\xd8\xff", b"\xff\xd9", b"#EXTM3U\n", b"<html>", PICTURES[0], part(PICTURES[1])),
]
_KINDS = [MULTIPART, "multipart/mixed", "text/html", "image/png", "text/plain", "video/mp4"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(_PIECES) | st.binary(max_size=40), max_size=12).map(b"".join),
    st.sampled_from(_KINDS),
)
def test_whatever_an_answer_holds_is_pictures_or_an_error_of_sources(fuzzed, body, kind):
    server, answer = fuzzed
    answer[:] = [kind, body]
    with suppress(SourceError), closing(open_source(server.url("cam"), reconnect_s=0)) as source:
        if kind != "image/png":  # asked for again and again
            source.read().picture.bgr()


@pytest.fixture(scope="module")
def fuzzed():
    answer: list = []

    def send(handler):
        handler.head(answer[0])
        handler.send(answer[1])

    with Web(cam=send) as server:
        yield server, answer
