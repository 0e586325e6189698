import http.server
import threading

import cv2
import numpy as np
import pytest

from runtime.errors import SourceError
from runtime.sources.factory import open_source
from tests.conftest import write_video
from tests.runtime.sources.reading import frames_of


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda d: d / "nope.mp4", "no such file"),
        (lambda d: d, "no picture in this folder"),
        (lambda d: _write(d / "text.mp4", b"I am text"), "not a video"),
        (lambda d: _write(d / "empty.mp4", b""), "the file is empty"),
        (lambda d: "97", "camera 97 can't be opened"),
        (lambda d: "/dev/video97", "camera 97 can't be opened"),
        (lambda d: "99999999999999999999", "no such file"),
        (lambda d: "²", "no such file"),
        (lambda d: "http://127.0.0.1:9/x.mjpg", "can't be reached"),
        (lambda d: "rtsp://user:secret@127.0.0.1:9/live", "can't be reached"),
    ],
)
def test_bad_sources_are_one_clear_error(tmp_path, make, word):
    with pytest.raises(SourceError, match=word) as error:
        open_source(str(make(tmp_path)))
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


class _Mjpeg(http.server.BaseHTTPRequestHandler):
    """A camera's web server: twelve frames, then it goes away."""

    frames: list[bytes] = []  # noqa: RUF012 - set by the test

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
        self.end_headers()
        for data in self.frames:
            head = f"--f\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, *args):
        pass


def test_an_http_stream_on_loopback_is_live_and_its_end_is_an_error(portrait):
    _Mjpeg.frames = [
        cv2.imencode(".jpg", np.roll(portrait, 9 * i, 1))[1].tobytes() for i in range(12)
    ]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Mjpeg) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://me:secret@127.0.0.1:{server.server_port}/cam.mjpg"
        source = open_source(url, reconnect_s=0)
        assert source.live
        assert "secret" not in source.name
        frame = source.read()
        assert frame.picture.bgr().shape == portrait.shape
        assert frame.time_s >= 0
        with pytest.raises(SourceError, match="no more frames"):
            while True:
                source.read()
        source.close()
        server.shutdown()


def test_a_whole_video_behind_a_url_is_a_file(tmp_path, portrait):
    clip = write_video(tmp_path / "clip.avi", [portrait] * 40, codec="MJPG")

    class Folder(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(clip.parent))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{clip.name}"
        assert not open_source(url).live
        assert len(frames_of(url)) == 40
        server.shutdown()


def _write(path, content):
    path.write_bytes(content)
    return path
