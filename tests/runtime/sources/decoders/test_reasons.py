"""Why a stream of FFmpeg's own protocols can't be had, in words: servers on loopback."""

from __future__ import annotations

import socket
import struct
import time
import traceback

import pytest

from runtime.errors import SourceError, Unreachable
from runtime.sources.decoders import base
from runtime.sources.factory import open_source
from tests.support.servers import untrusted_server

SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"


def rtsp(status=b"200 OK", media=None):
    """Answers each request with a status, or describes what it has and then sends nothing."""

    def answer(peer):
        while request := peer.recv(4096):
            head = b"RTSP/1.0 %s\r\n%s\r\nSession: 1\r\n" % (
                status,
                next(x for x in request.splitlines() if x.lower().startswith(b"cseq")),
            )
            if media is not None and request.startswith(b"DESCRIBE"):
                head += b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
                    len(SDP + media),
                    SDP + media,
                )
            elif request.startswith(b"SETUP"):
                head += b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
            else:
                head += b"Public: DESCRIBE\r\n\r\n"
            peer.sendall(head)

    return answer


def page(peer):
    peer.recv(4096)
    peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html></html>")


def silent(peer):
    time.sleep(3)


def text(value):
    return b"\x02" + struct.pack(">H", len(value)) + value


def rtmp(*replies):
    """Shakes hands, then answers each command with one of an RTMP server's own."""

    def answer(peer):
        got = peer.recv(1537, socket.MSG_WAITALL)
        peer.sendall(b"\x03" + bytes(1536) + got[1:])
        peer.recv(1536, socket.MSG_WAITALL)
        for name, number, body in replies:
            peer.recv(4096)
            message = text(name) + b"\0" + struct.pack(">d", number) + b"\x05" + body
            head = b"\x03\0\0\0" + struct.pack(">I", len(message))[1:] + b"\x14" + bytes(4)
            chunks = [message[at : at + 128] for at in range(0, len(message), 128)]
            peer.sendall(head + b"\xc3".join(chunks))
        while peer.recv(4096):
            pass

    return answer


def status(code, description):
    pairs = ((b"level", b"error"), (b"code", code), (b"description", description))
    return b"\x03" + b"".join(text(key)[1:] + text(value) for key, value in pairs) + (b"\0\0\x09")


REJECTED = status(b"NetConnection.Connect.Rejected", b"[ AccessManager.Reject ] : wrong login")
MISSING = (
    (b"_result", 1, b"\x05"),
    (b"_result", 2, b"\0" + struct.pack(">d", 1)),
    (b"onStatus", 0, status(b"NetStream.Play.StreamNotFound", b"no such stream")),
)


@pytest.mark.parametrize(
    ("scheme", "talk", "words"),
    [
        ("rtsp", rtsp(b"401 Unauthorized"), r"another user and password.*\(401\)"),
        ("rtsp", rtsp(b"403 Forbidden"), r"another user and password.*\(403\)"),
        ("rtsp", rtsp(b"404 Not Found"), "404 Not Found"),
        ("rtsp", rtsp(b"503 Service Unavailable"), "5xx"),
        ("rtsp", rtsp(b"461 Unsupported Transport"), "4xx"),
        ("rtsp", page, "no RTSP"),
        ("rtsp", silent, "connected, but sends nothing"),
        ("rtmp", silent, "connected, but sends nothing"),
        ("rtsp", rtsp(media=b"m=audio 0 RTP/AVP 8\r\na=control:t\r\n"), "sound only, no video"),
        (
            "rtsp",
            rtsp(media=b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 X-ODD/90000\r\na=control:t\r\n"),
            "a codec that can't be decoded",
        ),
        ("rtsp", rtsp(media=b""), "holds no video"),
        ("rtmp", rtmp((b"_error", 1, REJECTED)), "a wrong or missing user and password"),
        ("rtmp", rtmp(*MISSING), "has no such stream"),
    ],
)
def test_each_failure_has_its_own_words(monkeypatch, scheme, talk, words):
    monkeypatch.setattr(base, "TIMEOUT_S", 1.0)
    with (
        untrusted_server(talk) as port,
        pytest.raises(SourceError, match=words) as error,
    ):
        open_source(f"{scheme}://me:s3cret%2F@127.0.0.1:{port}/app/k3y")
    assert "s3cret" not in str(error.value)
    assert "k3y" not in str(error.value)


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp"])
def test_a_host_that_isnt_there_is_told_from_one_that_refuses(scheme):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match=r"can't be reached \(Connection refused\)"):
        open_source(f"{scheme}://127.0.0.1:{port}/a/b")
    with pytest.raises(Unreachable, match="host name is unknown"):
        open_source(f"{scheme}://nowhere.invalid/a/b")


def test_no_traceback_holds_an_address():
    login = "s3cret"[::-1]  # the traceback shows this line
    with untrusted_server(rtsp(b"401 Unauthorized")) as port:
        urls = [f"rtsp://me:{login}@127.0.0.1:{port}/live", f"http://me:1{login}/x@host:9/live"]
    for url in urls:
        with pytest.raises(SourceError) as error:
            open_source(url)
        assert login not in "".join(traceback.format_exception(error.value))


def test_a_stream_that_only_describes_itself_is_silent(monkeypatch):
    monkeypatch.setattr(base, "TIMEOUT_S", 1.0)
    media = b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n"
    with untrusted_server(rtsp(media=media)) as port:
        source = None
        with pytest.raises(SourceError, match=r"nothing came within 1 s|sends nothing|silent"):
            source = open_source(f"rtsp://127.0.0.1:{port}/x", reconnect_s=0)
            source.read()
        if source:
            source.close()
