"""A web server on loopback that answers as a test says, and what it may send."""

import http.server
import struct
import subprocess
import threading

import cv2
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

from runtime.sources.config import SourceConfig
from runtime.sources.factory import open_source


def ffmpeg(*argv):
    """Runs FFmpeg's own program."""
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", "-y", *map(str, argv)], check=True)


def count(spec):
    """How many frames a source gives."""
    config = spec if isinstance(spec, SourceConfig) else SourceConfig(str(spec), reconnect_s=0)
    source, frames = open_source(config), 0
    while source.read() is not None:
        frames += 1
    source.close()
    return frames


class Loopback(http.server.ThreadingHTTPServer):
    """A server on loopback, up as long as its block goes on."""

    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Web(Loopback):
    """Answers each path by a function of its handler; keeps what was asked."""

    def __init__(self, **answers):
        self.answers, self.asked, self.sent = answers, [], 0
        super().__init__(_Handler)

    def url(self, path, login="", host="127.0.0.1"):
        return f"http://{login}{host}:{self.server_port}/{path}"

    def handle_error(self, *_):
        pass


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


def jpeg(width=64, height=48, claim=None):
    """A JPEG file, which may claim to be of another size."""
    data = bytearray(cv2.imencode(".jpg", np.full((height, width, 3), 99, np.uint8))[1])
    if claim:
        at = data.index(b"\xff\xc0")  # the start of the frame: its height, then its width
        data[at + 5 : at + 9] = struct.pack(">HH", *claim)
    return bytes(data)


def part(data):
    """One picture of a multipart stream."""
    return b"--f\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
        len(data),
        data,
    )


MULTIPART = "multipart/x-mixed-replace; boundary=f"
