"""What a untrusted_server's file or server can't do to us, with real files and servers."""

import http.server
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from runtime.errors import SourceError, Unreachable
from runtime.sources.decoders import base, container
from runtime.sources.decoders import ffmpeg as media
from runtime.sources.decoders.http import HttpFile
from runtime.sources.decoders.http_connection import Allowance, check_step
from runtime.sources.factory import open_source
from runtime.support.net.tls import Tls
from tests.conftest import REPO, write_video
from tests.support.servers import untrusted_server


def ffmpeg(*argv):
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", "-y", *map(str, argv)], check=True)


def count(spec):
    source, frames = open_source(str(spec), 0), 0
    while source.read() is not None:
        frames += 1
    source.close()
    return frames


class Web(http.server.ThreadingHTTPServer):
    """Answers each path by a function of its handler; keeps what was asked."""

    daemon_threads = True

    def __init__(self, **answers):
        self.answers, self.asked, self.sent = answers, [], 0
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path, login="", host="127.0.0.1"):
        return f"http://{login}{host}:{self.server_port}/{path}"

    def handle_error(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("?")[0].strip("/")
        self.server.asked.append((path, self.headers))
        self.server.answers[path.partition(".")[0]](self)

    def head(self, kind, code=200, **headers):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, data):
        self.wfile.write(data)
        self.server.sent += len(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def strict(monkeypatch):
    """Small limits, so that the tests are quick."""
    monkeypatch.setattr(base, "TIMEOUT_S", 1.0)
    monkeypatch.setattr(media, "OPEN_BYTES", 4_000_000)
    monkeypatch.setattr(container, "FRAME_BYTES", 2_000_000)


def jpeg(width=64, height=48, claim=None):
    data = bytearray(cv2.imencode(".jpg", np.full((height, width, 3), 99, np.uint8))[1])
    if claim:
        at = data.index(b"\xff\xc0")  # the start of the frame: its height, then its width
        data[at + 5 : at + 9] = struct.pack(">HH", *claim)
    return bytes(data)


def part(data):
    return b"--f\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
        len(data),
        data,
    )


MULTIPART = "multipart/x-mixed-replace; boundary=f"


@pytest.mark.parametrize("length", [True, False])
def test_a_picture_without_end_is_given_up(strict, length):
    def endless(handler):
        handler.head(MULTIPART)
        for _ in range(3):
            handler.send(part(jpeg()))
        handler.send(b"--f\r\nContent-Type: image/jpeg\r\n")
        handler.send(b"Content-Length: 2000000000\r\n\r\n" if length else b"\r\n")
        while True:
            handler.send(bytes(1 << 16))

    with Web(cam=endless) as server:
        with pytest.raises(SourceError):
            source = open_source(server.url("cam"), 0)
            while True:
                source.read()
        # What is read, and what was on its way in the sockets' buffers.
        assert server.sent < 40_000_000


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
            open_source(server.url("cam"), 0)
        assert time.monotonic() - began < 15  # it would never end


def test_an_interrupt_ends_the_reading_at_once(monkeypatch):
    def silent(handler):
        handler.head(MULTIPART)
        for _ in range(12):
            handler.send(part(jpeg()))
        time.sleep(60)

    monkeypatch.setattr(base, "TIMEOUT_S", 50.0)
    with Web(cam=silent) as server:
        source = open_source(server.url("cam"))
        done = threading.Event()

        def read():
            while source.read() is not None:
                pass
            done.set()

        threading.Thread(target=read, daemon=True).start()
        time.sleep(0.3)
        source.interrupt()
        assert done.wait(20)
        source.close()


_BOMB = """
import resource, sys
from runtime.sources.factory import open_source
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
source, frames = open_source(sys.argv[1], 0), 0
try:
    while source.read() is not None:
        frames += 1
except Exception as error:
    print(type(error).__name__, error)
# Not getrusage's figure, which begins with that of the process that started this one.
peak = next(x for x in open("/proc/self/status") if x.startswith("VmHWM"))
print(frames, int(peak.split()[1]) // 1024)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc to look in")
def test_a_frame_that_claims_to_be_huge_is_passed_over(tmp_path):
    frames = [jpeg(), jpeg(claim=(30000, 30000)), jpeg()] * 3
    video = tmp_path / "bomb.mjpeg"
    video.write_bytes(b"".join(frames))
    done = subprocess.run(
        [sys.executable, "-c", _BOMB, video], cwd=REPO, capture_output=True, text=True, timeout=120
    )
    frames_read, megabytes = map(int, done.stdout.split()[-2:])
    assert frames_read >= 3, done
    assert megabytes < 1000, done


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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://a/x", "http://a/x"),
        ("http://a/x", "file:///etc/passwd"),
        ("http://a/x", "ftp://a/x"),
        ("http://a/x", "rtsp://a/x"),
        ("http://a/x", "crypto+http://a/x"),
    ],
)
def test_a_server_leads_nowhere_else(before, after):
    with pytest.raises(SourceError, match="not followed"):
        check_step(before, after)
    check_step("http://a/x", "https://b/y")


def test_a_redirect_to_a_file_is_not_followed(clip):
    with (
        Web(cam=lambda h: h.head("text/plain", 302, Location=f"file://{clip}")) as server,
        pytest.raises(SourceError),
    ):
        open_source(server.url("cam"))


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    path = tmp_path_factory.mktemp("hls") / "a.ts"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=1"),
        *("-c:v", "libx264", "-pix_fmt", "yuv420p", path),
    )
    return path


def playlist(*parts):
    lines = "".join(f"#EXTINF:1,\n{p}\n" for p in parts)
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{lines}#EXT-X-ENDLIST\n".encode()


def test_a_playlist_leads_to_its_own_parts_only(segment, tmp_path):
    def listing(handler):
        handler.head("application/vnd.apple.mpegurl")
        handler.send(playlist(*server.parts))

    def a(handler):
        if "Authorization" in handler.headers:
            handler.head("video/mp2t")
            handler.send(segment.read_bytes())
        else:
            handler.head("text/plain", 401, **{"WWW-Authenticate": 'Basic realm="x"'})

    with Web(list=listing, a=a) as server:
        url = server.url("list.m3u8", "me:secret@")
        server.parts = ["a.ts", "a.ts"]
        assert count(url) == 50
        server.parts = [f"file://{segment}"]
        with pytest.raises(SourceError):
            count(url)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.m3u8", playlist("{segment}").decode()),
        ("x.txt", "ffconcat version 1.0\nfile {segment}\n"),
        ("x.mp4", "ffconcat version 1.0\nfile {segment}\n"),
        ("x.sdp", "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 26\n"),
    ],
)
def test_a_local_file_leads_to_no_other(segment, tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text.format(segment=segment))
    with pytest.raises(SourceError, match="not a video"):
        open_source(str(path))


@pytest.mark.parametrize("scheme", ["concat", "subfile", "ftp", "data", "lavfi", "gopher"])
def test_other_protocols_are_no_sources(scheme, clip):
    with pytest.raises(SourceError, match="is no source"):
        open_source(f"{scheme}://{clip}")


@pytest.mark.parametrize(
    "name",
    [b"caf\xe9.mp4", b"2024-11-27T12:30:05.mp4", b"a%03d.mp4", b"fd:1.mp4", b"a b'\"\x1b.mp4"],
)
def test_any_name_of_a_file_will_do(clip, tmp_path, name, caplog):
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(clip.read_bytes())
    source = open_source(os.fsdecode(path))
    assert source.name.isprintable()
    source.name.encode()
    assert count(os.fsdecode(path)) == 40
    assert count(f"file://{tmp_path}/link") == 40 if _link(tmp_path / "link", path) else False


def _link(link, path):
    link.symlink_to(os.fsdecode(path))
    return True


def test_a_turned_video_stands_upright(tmp_path, portrait):
    flat, turned = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    write_video(flat, [portrait[:256]] * 5)
    ffmpeg("-display_rotation", "90", "-i", flat, "-c", "copy", turned)
    (upright, _), (raw, _) = media.open_file(turned).read(), media.open_file(flat).read()
    wanted = cv2.rotate(raw.bgr(), cv2.ROTATE_90_COUNTERCLOCKWISE)
    assert (upright.height, upright.width) == wanted.shape[:2] == upright.bgr().shape[:2]
    assert np.abs(upright.bgr().astype(int) - wanted).mean() < 3


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
        assert "more than any frame" in file.failure
        file.close()


def test_a_silent_host_is_one_line(strict):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for scheme in ("http", "rtsp", "rtmp"):
            with pytest.raises(Unreachable) as error:
                open_source(f"{scheme}://me:secret@127.0.0.1:{port}/x")
            assert "secret" not in str(error.value)


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
        with pytest.raises(Unreachable, match="in time"):
            open_source(server.url("cam"), 0)
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
        open_source(server.url("cam"), 0).close()


def test_pictures_one_after_the_other_are_a_video(tmp_path):
    video = tmp_path / "a.mjpeg"
    video.write_bytes(jpeg() * 5)
    assert count(video) == 5


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "video/mp2t"])
def test_a_playlist_by_any_other_type_is_one(kind, tmp_path):
    video = tmp_path / "a.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", video)

    def playlist(handler):
        handler.head(kind)
        handler.send(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n")

    def piece(handler):
        handler.head("video/mp2t")
        handler.send(video.read_bytes())

    with Web(list=playlist, part=piece) as server:
        # In a process of its own: FFmpeg may end it.
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from tests.runtime.sources.decoders.test_ffmpeg import count; "
                "print(count(sys.argv[1]))",
                server.url("list.m3u8"),
            ],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 10


def test_a_playlist_without_end_is_given_up():
    def endless(handler):
        handler.head("application/vnd.apple.mpegurl")
        handler.send(b"#EXT")
        handler.wfile.flush()
        time.sleep(0.1)
        handler.send(b"M3U\n#EXT-X-TARGETDURATION:1\n")
        while True:
            handler.send(b"#EXTINF:1,\na.ts\n" * 1000)

    with Web(list=endless, a=lambda handler: handler.send_error(404)) as server:
        with pytest.raises(SourceError):
            open_source(server.url("list.m3u8"), 0)
        assert server.sent < 20_000_000


def test_parts_of_a_playlist_lie_beside_where_it_was_found(tmp_path):
    video = tmp_path / "a.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", video)

    def piece(handler):
        handler.head("video/mp2t")
        handler.send(video.read_bytes())

    def playlist(handler):
        handler.head("application/vnd.apple.mpegurl")
        handler.send(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n")

    answers = {
        "list": lambda handler: handler.head("text/plain", 302, Location="/there/list.m3u8"),
        "there/list": playlist,
        "there/part": piece,
    }
    with Web(**answers) as server:
        assert count(server.url("list.m3u8")) == 10


_GREEDY = """
import sys
from runtime.sources.factory import open_source
try:
    open_source(sys.argv[1], 0)
except Exception as error:
    print(type(error).__name__)
peak = next(x for x in open("/proc/self/status") if x.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc to look in")
def test_an_rtsp_server_gets_no_two_gigabytes():
    def answer(peer):
        while request := peer.recv(4096):
            cseq = next(x for x in request.splitlines() if x.lower().startswith(b"cseq"))
            if not request.startswith(b"DESCRIBE"):
                peer.sendall(b"RTSP/1.0 200 OK\r\n%s\r\nPublic: DESCRIBE\r\n\r\n" % cseq)
                continue
            peer.sendall(b"RTSP/1.0 200 OK\r\n%s\r\nContent-Length: 2000000000\r\n\r\n" % cseq)
            while True:
                peer.sendall(bytes(1 << 20))

    with untrusted_server(answer) as port:
        done = subprocess.run(
            [sys.executable, "-c", _GREEDY, f"rtsp://127.0.0.1:{port}/x"],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=120,
        )
    kind, megabytes = done.stdout.split()
    assert kind == "Unreachable", done
    assert int(megabytes) < 700, done
