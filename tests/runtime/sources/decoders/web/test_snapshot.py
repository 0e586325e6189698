"""Cameras that give single pictures: polled, over one connection, by real servers."""

from __future__ import annotations

import gc
import hashlib
import http.server
import itertools
import logging
import os
import re
import threading
import time
from contextlib import closing

import pytest

from runtime.errors import SourceError, Unreachable
from runtime.sources.decoders.web import snapshot
from runtime.sources.factory import open_source
from runtime.support import backoff
from tests.support.web import Loopback, Web, jpeg


class Camera(Loopback):
    """Gives `pictures` one after the other, each as a function or bytes; keeps connections."""

    def __init__(self, pictures, kind="image/jpeg", login="", tags=False):
        self.pictures, self.kind, self.login, self.tags = iter(pictures), kind, login, tags
        self.connections, self.asked, self.unchanged = 0, 0, 0
        super().__init__(_Handler)

    def url(self, login=""):
        return f"http://{login}127.0.0.1:{self.server_port}/cgi-bin/picture?channel=1"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_GET(self):
        camera = self.server
        if camera.login and not self.headers.get("Authorization", "").startswith(
            camera.login.split()[0]
        ):
            return self.answer(401, b"no", **{"WWW-Authenticate": camera.login})
        camera.asked += 1
        picture = next(camera.pictures)
        if isinstance(picture, int):
            return self.answer(picture, b"no")
        tag = f'"{hashlib.md5(picture).hexdigest()}"'
        if camera.tags and self.headers.get("If-None-Match") == tag:
            camera.unchanged += 1
            return self.answer(304, b"")
        return self.answer(200, picture, **({"ETag": tag} if camera.tags else {}))

    def answer(self, code, body, **headers):
        self.send_response(code)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def endless():
    return (jpeg(16 + 8 * number, 32) for number in itertools.count())


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(backoff, "_PAUSES_S", (0.01, 0.02))


def widths(source, count):
    return [source.read().picture.width for _ in range(count)]


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "application/octet-stream"])
def test_a_camera_is_polled_over_one_connection(kind):
    with Camera(endless(), kind) as camera:
        with closing(open_source(camera.url(), poll_fps=50)) as source:
            assert source.live
            assert source.fps == 50
            # The first answer told what it is.
            assert widths(source, 5) == [24, 32, 40, 48, 56]
        assert camera.connections == 2


def test_its_pace_is_kept(monkeypatch):
    waited = []

    class Event(threading.Event):
        def wait(self, timeout=None):
            waited.append(timeout)
            return False

    monkeypatch.setattr(snapshot.threading, "Event", Event)
    with Camera(endless()) as camera, closing(open_source(camera.url(), poll_fps=0.5)) as source:
        widths(source, 3)
        assert all(1.9 < pause <= 4 for pause in waited[-2:])
        assert source.fps == 0.5
        assert source.reconnects == 0


@pytest.mark.parametrize(
    "login", ['Basic realm="x"', 'Digest realm="x", nonce="abc", qop="auth", algorithm=MD5']
)
def test_it_logs_in_as_streams_do(login):
    with Camera(endless(), login=login) as camera:
        with closing(open_source(camera.url("me:s%40cret@"), poll_fps=50)) as source:
            assert len(widths(source, 4)) == 4
        assert camera.connections <= 3
        with pytest.raises(Unreachable, match=r"\(401\)"):
            open_source(camera.url())


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_digest_is_right_also_of_a_password_beyond_ascii(algorithm):
    hashed = hashlib.md5 if algorithm == "MD5" else hashlib.sha256

    def digest(*parts):
        return hashed(":".join(parts).encode()).hexdigest()

    def picture(handler):
        asked = handler.headers.get("Authorization", "")
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', asked))
        if asked:
            secret = digest("me", "x", "s\u00e4c/ret@")
            uri = digest("GET", given["uri"])
            middle = (given["nonce"], given["nc"], given["cnonce"], "auth")
            assert given["response"] == digest(secret, *middle, uri)
            handler.head("image/jpeg", **{"Content-Length": str(len(jpeg()))})
            return handler.send(jpeg())
        login = f'Digest realm="x", nonce="abc", qop="auth", algorithm={algorithm}'
        return handler.head("text/plain", 401, **{"WWW-Authenticate": login})

    with (
        Web(snap=picture) as server,
        closing(open_source(server.url("snap", "me:s%C3%A4c%2Fret%40@"))) as source,
    ):
        assert source.read().picture.width == 64


@pytest.mark.parametrize("tags", [False, True])
def test_the_same_picture_is_no_new_frame(tags):
    same = [jpeg(24)] * 4 + [jpeg(40)] * 3 + [jpeg(56)]
    with Camera(same, tags=tags) as camera:
        with closing(open_source(camera.url(), poll_fps=60)) as source:
            assert widths(source, 3) == [24, 40, 56]
        assert camera.asked == 8
        assert camera.unchanged == (4 if tags else 0)


def test_a_frozen_camera_is_lost_until_its_picture_changes(monkeypatch, caplog):
    monkeypatch.setattr(snapshot, "_FROZEN_S", 0.05)
    monkeypatch.setattr(snapshot, "_FROZEN_POLLS", 3)
    thawed = threading.Event()
    pictures = iter(lambda: jpeg(40) if thawed.is_set() else jpeg(24), None)
    with Camera(pictures) as camera, closing(open_source(camera.url(), poll_fps=60)) as source:
        assert widths(source, 1) == [24]
        threading.Timer(1.0, thawed.set).start()
        with caplog.at_level(logging.WARNING):
            frame = source.read()
        assert (frame.picture.width, frame.reconnects, source.reconnects) == (40, 1, 1)
        assert "has given the same picture for" in caplog.text
    with (
        Camera(iter(lambda: jpeg(24), None)) as camera,
        closing(open_source(camera.url(), poll_fps=60, reconnect_s=0.3)) as source,
    ):
        source.read()
        with pytest.raises(SourceError, match="still gives the same picture"):
            source.read()


def test_an_error_is_a_loss_with_its_reason(caplog):
    pictures = [jpeg(24), jpeg(32), 503, 401, jpeg(40), jpeg(48)]
    with Camera(pictures) as camera, closing(open_source(camera.url(), poll_fps=60)) as source:
        with caplog.at_level(logging.WARNING):
            frames = [source.read() for _ in range(2)]
        assert [frame.reconnects for frame in frames] == [0, 1]
        assert "lost, trying again: answers 503" in caplog.text
        assert "not back yet: asks for another user and password" in caplog.text


def test_a_broken_picture_is_passed_over():
    pictures = [jpeg(24), jpeg(32), b"\xff\xd8\xff broken", jpeg(40)]
    with Camera(pictures) as camera, closing(open_source(camera.url(), poll_fps=60)) as source:
        assert widths(source, 2) == [32, 40]
        assert source.reconnects == 0


def test_an_interrupt_ends_the_waiting():
    with Camera(endless()) as camera, closing(open_source(camera.url(), poll_fps=0.01)) as source:
        source.read()
        threading.Timer(0.2, source.interrupt).start()
        assert source.read() is None


def test_a_camera_that_is_refused_keeps_no_connection():
    def held():
        return len(os.listdir("/proc/self/fd"))

    with Camera([jpeg(), 404]) as camera:
        gc.collect()
        gc.disable()
        try:
            before = held()
            with pytest.raises(Unreachable, match="404"):
                open_source(camera.url(), reconnect_s=0)
            until = time.monotonic() + 10
            while held() > before and time.monotonic() < until:
                time.sleep(0.01)
            assert held() <= before
        finally:
            gc.enable()
