"""Files and streams of web servers, which may be hostile."""

import time

import pytest

from runtime.errors import SourceError, Unreachable
from runtime.sources.decoders.http import HttpFile
from runtime.sources.decoders.http_connection import Allowance
from runtime.sources.factory import open_source
from runtime.support.net.tls import Tls
from tests.conftest import write_video
from tests.support.web import MULTIPART, Web, count, ffmpeg, jpeg, part


@pytest.mark.parametrize("where", ["headers", "continue", "body"])
def test_a_server_that_drips_is_given_up_in_time(strict, where):
    def drip(handler):
        if where == "body":
            handler.head(MULTIPART)
        while True:
            handler.send(
                {"headers": b"X: y\r\n", "continue": b"HTTP/1.1 100 C\r\n\r\n"}.get(where, b"x")
            )
            handler.wfile.flush()
            time.sleep(0.1)

    with Web(cam=drip) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            open_source(server.url("cam"), reconnect_s=0)
        assert time.monotonic() - began < 15  # it would never end


def test_a_password_stays_with_its_server(tmp_path, portrait):
    data = write_video(tmp_path / "a.avi", [portrait] * 40, codec="MJPG").read_bytes()

    def video(handler):
        handler.head("video/x-msvideo", **{"Content-Length": str(len(data))})
        handler.send(data)

    def login(handler):
        if "Authorization" in handler.headers:
            return video(handler)
        return handler.head("text/plain", 401, **{"WWW-Authenticate": 'Basic realm="x"'})

    def elsewhere(handler):
        handler.head("text/plain", 302, Location=other.url("video"))

    with Web(video=login) as other, Web(video=login, away=elsewhere) as server:
        assert count(server.url("video", "me:s%40cret@")) == 40
        with pytest.raises(Unreachable, match=r"another user and password.*\(401\)"):
            open_source(server.url("away", "me:s%40cret@"))
        assert len(other.asked) == 1
        assert all("Authorization" not in headers for _, headers in other.asked)


def test_a_redirect_to_a_file_is_not_followed(clip):
    with (
        Web(cam=lambda h: h.head("text/plain", 302, Location=f"file://{clip}")) as server,
        pytest.raises(SourceError),
    ):
        open_source(server.url("cam"))


def test_parts_of_a_file_are_asked_for_where_the_server_has_them(tmp_path, clip):
    late = tmp_path / "late.mp4"  # its index stands behind half a megabyte
    ffmpeg("-i", clip, "-c:v", "libx264", "-qp", "0", late)
    data = late.read_bytes()

    def video(handler):
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        extra = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if asked else {}
        length = str(len(data) - start)
        code = 206 if asked else 200
        handler.head(
            "video/mp4", code, **{"Accept-Ranges": "bytes", "Content-Length": length}, **extra
        )
        handler.send(data[start:])

    with Web(video=video) as server:
        assert count(server.url("video.mp4")) == 40


def test_an_allowance_counts_every_byte(strict):
    def body(handler):
        handler.head("video/mp4")
        while True:
            handler.send(bytes(1000))

    with Web(x=body) as server:
        allowance = Allowance()
        allowance.renew(5, 50_000)
        file = HttpFile(server.url("x"), allowance, Tls())
        got = 0
        while data := file.read(4096):
            got += len(data)
        assert 30_000 < got <= 50_000
        assert "sends more than" in file.failure
        file.close()


@pytest.mark.parametrize("head", [b"HTTP/1.1 302 F\r\n", b"HTTP/1.1 301 M\r\n"])
def test_redirects_that_drip_share_one_time(strict, head):
    def drip(handler):
        handler.send(head)
        for _ in range(8):
            handler.send(b"X: y\r\n")
            handler.wfile.flush()
            time.sleep(0.1)
        handler.send(b"Location: /cam%d\r\n\r\n" % len(handler.server.asked))

    with Web(**{f"cam{number or ''}": drip for number in range(20)}) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="timed out"):
            open_source(server.url("cam"), reconnect_s=0)
        assert time.monotonic() - began < 5  # ten of them would take eight


def test_what_comes_with_a_redirect_is_not_read(strict):
    def lead(handler):
        handler.head("text/plain", 302, Location="/video")
        while True:
            handler.send(bytes(1 << 16))

    def video(handler):
        handler.head(MULTIPART)
        for _ in range(5):
            handler.send(part(jpeg()))

    with Web(cam=lead, video=video) as server:
        open_source(server.url("cam"), reconnect_s=0).close()


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/x-mixed-replace; boundary*=utf-8''%ff",
        "multipart/x-mixed-replace; boundary*0=a; boundary*1=b",
        "multipart/x-mixed-replace; boundary=\xff\x80",
        'multipart/x-mixed-replace; boundary="',
        "multipart/x-mixed-replace; boundary*=nowhere'x'f",
        ";;;=",
    ],
)
def test_an_odd_type_is_no_error(kind):
    def pictures(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: %s\r\n\r\n" % kind.encode("latin-1"))
        for _ in range(5):
            handler.send(part(jpeg()))

    with Web(cam=pictures) as server:
        source = open_source(server.url("cam"), reconnect_s=0)
        assert source.read().picture.width == 64
        source.close()
