import json
import logging
import string
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.support import redaction as module
from runtime.support.reasons import reason
from runtime.support.redaction import (
    RedactingFormatter,
    printable,
    redact,
    remember,
    shown_address,
)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(module, "_remembered", {})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://u:p@host:554/a?token=1", "rtsp://host:554"),
        ("http://host/a", "http://host"),
        ("http://host:8080/cam/1.mjpg", "http://host:8080"),
        ("http://[::1]:80/a", "http://[::1]:80"),
        ("rtsp://u:p%40x@host/", "rtsp://host"),
        ("rtsp://user:p@ss@host/x", "rtsp://host"),
        ("http://host/x?token=1", "http://host"),
        ("http://host/x#token", "http://host"),
        ("rtmp://host/live/key", "rtmp://host"),
        ("http://host/7f3a9c2e41d84b6f9a0c5e77/a.mjpg", "http://host"),
        # Where the host can't be told from a password, not even that.
        ("rtsp://user:p?ss@host/x?y", "rtsp://***"),
        ("rtsp://user:p/s@host/x", "rtsp://***"),
        # Mistyped.
        ("rtsp:/user:p@host/x", "***@host/x"),
        ("user:p@host/x", "***@host/x"),
        ("rtsp ://user:p@host/x", "***@host/x"),
        ("file://user:p@host/x", "file://***@host/x"),
        ("a/b@c.mp4", "a/b@c.mp4"),
        ("file:///a@b", "file:///a@b"),
        ("rtsp://admin:S3c@ret/key@host", "rtsp://***"),
        ("http://host/x?auth=user@secret", "http://***"),
        ("http://host/x?email=a@b", "http://***"),
        ("rtsp://host/user=admin&password=p&channel=1.sdp", "rtsp://host"),
        ("rtsp://u:a b@host/x?c d", "rtsp://host"),
        ("clip.mp4", "clip.mp4"),
        ("file:///a/b.mp4", "file:///a/b.mp4"),
        ("not a scheme://x", "not a scheme://x"),
    ],
)
def test_of_an_address_with_a_secret_only_the_place_is_shown(url, shown):
    assert shown_address(url) == shown


@pytest.mark.parametrize(
    "message",
    [
        "can't open rtsp://admin:S3c@ret/key@host:1/live, try again",
        "unrecognized arguments: --sorce=rtsp://admin:S3cret@host/a",
        "got 'http://host/x?token=S3cret here' (see --help)",
        'location="rtsp://u:S3c ret@host/a"',
        "password=S3cret",
        "--mqtt_password S3cret=1 token=S3cret",
        "Authorization: Basic S3cret==",
        "Cookie: sid=S3cret; other=1",
        "{'api_key': 1, 'url': 'https://hook/S3cretS3cretS3cretS3cret'}",
        'stream_key = "S3c ret"',
        "rtmp://live/app/S3cret",
        r'extra-headers="a,Authorization=\"Basic S3cret\""',
        r"Authorization=\"Basic S3cret\"",
        "proxy-id=S3cret cookies={a,S3cret}",
    ],
)
def test_a_message_shows_no_secret(message):
    assert "S3c" not in redact(message).replace("S3cret=1", "")


@pytest.mark.parametrize(
    "message",
    [
        "--engine model.onnx: no such file; run `python -m export --checkpoint x.safetensors`",
        "40 frames in 1.2 s, 33.0 FPS, 0 dropped",
        "capture to result: p50 12 ms, p90 20 ms, p99 30 ms",
        "metrics: http://127.0.0.1:9100/metrics and /healthz",
        "camera 96 can't be opened (no /dev/video* here); try --source demo",
        "caf\u00e9, \u65e5\u672c\u8a9e, \U0001f600",
        "neutral 80%, happiness 20%\nsecond line",
        "keys: happiness=0.9",
    ],
)
def test_a_message_without_one_stays_as_it_is(message):
    assert redact(message) == message


SECRET = st.text(string.ascii_letters + string.digits + "@/?#:%&= !$.", min_size=6, max_size=20)


@given(SECRET, st.sampled_from(["rtsp", "http", "https", "mqtt", "rtmp"]), st.integers(0, 4))
def test_no_part_of_a_remembered_password_comes_out(secret, scheme, place):
    secret = f"Zq7{secret}Zq8"
    url = {
        0: f"{scheme}://user:{secret}@host:99/a",
        1: f"{scheme}://host/a?token={secret}",
        2: f"{scheme}://user:{secret}@host/a?token={secret}",
        3: f"{scheme}://{secret}@host/a",
        4: f"{scheme}://user:{secret}@host",
    }[place]
    module._remembered.clear()
    remember([url])
    for message in (
        url,
        f"can't open {url}",
        f"can't open '{url}': error",
        f"argument --x: invalid int value: {url!r}",
        shown_address(url),
    ):
        out = redact(message)
        assert "Zq7" not in out, out
        assert "Zq8" not in out, out


@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from("/?#@:% &="),
        min_size=4,
        max_size=12,
    ),
    st.integers(0, 5),
)
def test_no_form_of_a_remembered_secret_comes_out(odd, place):
    secret = f"Zq7{odd}Zq8"
    encoded = urllib.parse.quote(secret, safe="")
    url = (
        f"rtsp://user:{secret}@host/a",
        f"rtsp://user:{encoded}@host/a",
        f"http://host/cgi?user=me&pwd={encoded}",
        f"http://host/live/user=me&password={encoded}&channel=1.sdp",
        f"http://{encoded}@host/a",
        f"http://host/live/{secret.replace('/', '').ljust(24, 'x')}/a.m3u8",
    )[place]
    module._remembered.clear()
    remember([url])
    held = url if place == 0 else encoded if place < 5 else urllib.parse.urlsplit(url).path
    held = secret if place == 0 else held
    plain = urllib.parse.unquote(held)
    for text in {held, plain, held.lower() if "%" in held else held}:
        if (place == 5 and any(mark in text for mark in "?#@")) or "\\" in text:
            continue
        for form in (
            text,
            urllib.parse.quote(plain),
            urllib.parse.quote(plain, safe=""),
            repr(plain)[1:-1],
            json.dumps(plain)[1:-1],
            str(plain.encode())[2:-1],
        ):
            out = redact(f"login with {form} failed")
            assert "Zq7" not in out, (url, form, out)
            assert "Zq8" not in out, (url, form, out)


def test_the_header_of_a_login_is_hidden():
    remember(["http://me:s%40cret@host/a"])
    assert redact("sent bWU6c0BjcmV0 to it") == "sent *** to it"


def test_what_a_library_quotes_of_a_remembered_address_is_hidden():
    remember(["rtsp://admin:p%40ssw0rd@cam/live?key=abcdef"])
    assert redact("login of admin with p@ssw0rd failed") == "login of admin with *** failed"
    assert "p%40ssw0rd" not in redact("Authorization for p%40ssw0rd")
    assert "abcdef" not in redact("GET /live key abcdef")


def test_memory_of_addresses_is_bounded():
    remember(f"http://user:password{i}@host/" for i in range(5000))
    assert len(module._remembered) < 5100


@given(st.text())
def test_nothing_unprintable_is_left(text):
    shown = printable(text)
    assert "\x1b" not in shown
    assert shown.isascii() or not any(c in shown for c in "\u202e\u2066\u2028\x85\x9b\ud800")
    shown.encode()  # no lone surrogate is left
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("x\u202ey", "x\\u202ey"),
        ("caf\udce9.mp4", "caf\\xe9.mp4"),
        ("a\r\nb", "a\\r\\nb"),
        ("\u65e5\u672c", "\u65e5\u672c"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"),
        ("\u2028\ud800", "\\u2028\\ud800"),
    ],
)
def test_control_characters_are_escaped(text, shown):
    assert printable(text) == shown


def test_a_name_begins_no_line_of_the_log():
    record = logging.LogRecord("a", logging.INFO, "a", 1, "skipped: %s", ("x\nERROR y",), None)
    assert RedactingFormatter("%(levelname)s %(message)s").format(record) == (
        "INFO skipped: x\\nERROR y"
    )


def test_a_log_record_is_redacted_with_its_traceback():
    try:
        raise ValueError("rtsp://u:S3cret@host/a\x1b[2J")
    except ValueError:
        record = logging.LogRecord("x", 30, "f", 1, "at %s", ("http://u:S3cret@h/",), None)
        import sys

        record.exc_info = sys.exc_info()
    text = RedactingFormatter("%(message)s").format(record)
    assert "S3cret" not in text
    assert "\x1b" not in text
    assert text.startswith("at http://h\n")
    assert "Traceback" in text


def test_reasons_are_one_short_line():
    assert reason(ValueError("a\n  b")) == "a b"
    assert reason(MemoryError()) == "MemoryError"
    assert len(reason(ValueError("x" * 10_000))) < 310
    assert reason(ValueError("at rtsp://u:secret@host/a")) == "at rtsp://host"
