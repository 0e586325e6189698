"""Connections to web servers: limits, redirects and refusals."""

import errno
import re
import socket
import ssl

import pytest

from runtime.errors import SourceError
from runtime.sources.decoders.http_connection import (
    Allowance,
    NoAnswer,
    check_step,
    failed,
    refused,
)
from tests.support.web import Web


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


def test_an_interrupted_allowance_gives_no_connection():
    with Web(x=lambda handler: handler.head("video/mp4")) as server:
        allowance = Allowance()
        allowance.renew(5, 50_000)
        allowance.interrupt()
        with pytest.raises(TimeoutError, match="interrupted"):
            allowance.connect("127.0.0.1", server.server_port, None)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError("timed out"), "connected, but silent"),
        (NoAnswer("timed out"), r"can't be reached \(timed out\)"),
        (TimeoutError(110, "Connection timed out"), "can't be reached"),
        (socket.gaierror(-2, "Name or service not known"), "host name is unknown"),
        (ConnectionRefusedError(111, "Connection refused"), r"\(Connection refused\)"),
        (OSError(errno.EMSGSIZE, "Message too long"), "sends more than"),
        (ValueError("odd"), "broken answer"),
    ],
)
def test_failures_in_words(error, words):
    assert re.search(words, failed(error))


def test_refusals_in_words():
    assert refused(401) == refused(403).replace("403", "401")
    assert refused(404) == "answers 404 Not Found: there is nothing at this path"
    assert refused(799) == "answers 799"


def test_a_failed_handshake_in_words():
    error = ssl.SSLError(1, "x")
    error.reason = "WRONG_VERSION"
    assert failed(error).startswith("no TLS connection")
    assert "WRONG_VERSION" in failed(error)
