"""What an untrusted file or server can't do to us, with real files and servers."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from runtime.errors import SourceError, Unreachable
from runtime.sources.decoders import base
from runtime.sources.factory import open_source
from tests.conftest import REPO
from tests.support.servers import untrusted_server
from tests.support.web import MULTIPART, Web, count, ffmpeg, jpeg, part


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
            source = open_source(server.url("cam"), reconnect_s=0)
            while True:
                source.read()
        # What is read, and what was on its way in the sockets' buffers.
        assert server.sent < 40_000_000


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


def test_a_silent_host_is_one_line(strict):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for scheme in ("http", "rtsp", "rtmp"):
            with pytest.raises(Unreachable) as error:
                open_source(f"{scheme}://me:secret@127.0.0.1:{port}/x")
            assert "secret" not in str(error.value)


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

    def segment_of(handler):
        handler.head("video/mp2t")
        handler.send(video.read_bytes())

    with Web(list=playlist, part=segment_of) as server:
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
            open_source(server.url("list.m3u8"), reconnect_s=0)
        assert server.sent < 20_000_000


def test_parts_of_a_playlist_lie_beside_where_it_was_found(tmp_path):
    video = tmp_path / "a.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", video)

    def segment_of(handler):
        handler.head("video/mp2t")
        handler.send(video.read_bytes())

    def playlist(handler):
        handler.head("application/vnd.apple.mpegurl")
        handler.send(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n")

    answers = {
        "list": lambda handler: handler.head("text/plain", 302, Location="/there/list.m3u8"),
        "there/list": playlist,
        "there/part": segment_of,
    }
    with Web(**answers) as server:
        assert count(server.url("list.m3u8")) == 10


_GREEDY = """
import sys
from runtime.sources.factory import open_source
try:
    open_source(sys.argv[1], reconnect_s=0)
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
