"""A camera's web server on loopback, which can be killed and come back."""

from __future__ import annotations

import http.server
import socket
import threading

import cv2
import numpy as np


def jpegs(width: int, height: int, count: int = 12) -> list[bytes]:
    """Frames of a size, each of another grey."""
    frames = [np.full((height, width, 3), 20 + 15 * i, np.uint8) for i in range(count)]
    return [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]


class Server(http.server.ThreadingHTTPServer):
    """Sends frames over and over to whoever asks, as multipart JPEG.

    Args:
        frames: JPEG pictures.
        port: 0 takes any that is free.
        pace_s: Pause between two frames.
        most: Frames after which it hangs up; None for never.
        stall_after: Frames after which it says no more, and keeps the line; None for never.
    """

    daemon_threads = True
    # Taken over from a killed server at once.
    allow_reuse_address = True

    def __init__(self, frames, port=0, pace_s=0.01, most=None, stall_after=None):
        super().__init__(("127.0.0.1", port), _Handler)
        self.frames, self.pace_s, self.most, self.stall_after = frames, pace_s, most, stall_after
        self.killed = threading.Event()
        self.asked = 0
        self._lines: list[socket.socket] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, with credentials that must never show."""
        return f"http://me:secret@127.0.0.1:{self.server_port}/cam.mjpg?token=secret"

    def process_request(self, request, client_address):
        self._lines.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        pass  # a reader that hung up

    def kill(self) -> None:
        """Cuts every line and frees the port, as a crash does."""
        self.killed.set()
        self.shutdown()
        self.server_close()
        for line in self._lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.killed.is_set():
            self.kill()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
        self.end_headers()
        sent = 0
        while not server.killed.is_set() and sent != server.most:
            if sent == server.stall_after:
                server.killed.wait(60)
                return
            data = server.frames[sent % len(server.frames)]
            head = f"--f\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:
                return  # the reader hung up
            sent += 1
            server.killed.wait(server.pace_s)

    def log_message(self, *args):
        pass
