"""Pictures by URL: read once, within limits, and refused in words without secrets."""

import json
import time

import pytest

from runtime.errors import SourceError
from runtime.pictures.download import download_picture, is_address, shown_picture
from runtime.predict import main
from runtime.recognizer import EmotionRecognizer
from runtime.support.cli import run_command
from runtime.support.net.tls import Tls
from tests.conftest import PORTRAIT
from tests.support.servers import certificate, encrypted, untrusted_server
from tests.support.web import Web

PICTURE = PORTRAIT.read_bytes()


def answer(data, kind="image/jpeg", code=200, **headers):
    def send(handler):
        handler.head(kind, code, **{"Content-Length": str(len(data)), **headers})
        handler.send(data)

    return send


def login(handler):
    # admin:S3cret/x
    if handler.headers.get("Authorization") == "Basic YWRtaW46UzNjcmV0L3g=":
        answer(PICTURE)(handler)
    else:
        answer(b"", code=401, **{"WWW-Authenticate": "Basic realm=x"})(handler)


def endless(handler):
    handler.head("image/jpeg")
    while True:
        handler.send(PICTURE)


def slow(handler):
    handler.head("image/jpeg")
    for byte in PICTURE:
        handler.send(bytes([byte]))
        time.sleep(0.05)


@pytest.fixture
def web():
    with Web(
        ok=answer(PICTURE),
        typeless=answer(PICTURE, "application/octet-stream"),
        login=login,
        page=answer(b"\n<!DOCTYPE html><html>log in</html>", "text/html"),
        gone=answer(b"", code=404),
        short=answer(PICTURE[:500], **{"Content-Length": "5000"}),
        moved=lambda h: h.head("text/plain", 302, Location="/ok"),
        file=lambda h: h.head("text/plain", 302, Location=f"file://{PORTRAIT}"),
        loop=lambda h: h.head("text/plain", 302, Location="/loop"),
        endless=endless,
        huge=answer(b"", **{"Content-Length": str(1 << 40)}),
        slow=slow,
        empty=answer(b""),
    ) as server:
        yield server


@pytest.mark.parametrize("path", ["ok.jpg", "typeless", "moved"])
def test_a_picture(web, path):
    assert download_picture(web.url(path), Tls()) == PICTURE


def test_a_picture_behind_a_login(web):
    url = web.url("login", "admin:S3cret%2Fx@")
    assert download_picture(url, Tls()) == PICTURE
    assert shown_picture(url) == web.url("login").rsplit("/", 1)[0]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("login", "401"),
        ("page", "web page"),
        ("gone", "answers 404 Not Found"),
        ("short", "ended after 500 of 5000 bytes|broken answer"),
        ("file", "not followed|answers 302"),
        ("loop", "answers 302"),
        ("endless", "sends more than it should"),
        ("huge", "too large"),
        ("slow", "timed out"),
    ],
)
def test_refusals_in_words(web, path, words):
    start = time.monotonic()
    with pytest.raises(SourceError, match=words) as error:
        download_picture(web.url(path, "user:S3cret@"), Tls(), limit=1 << 20, seconds=2)
    assert time.monotonic() - start < 20
    assert "S3cret" not in str(error.value)
    assert "127.0.0.1" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["rtsp://h/x", "ftp://h/x.jpg", "http://", "https://[", "http://127.0.0.1:1/x.jpg"]
)
def test_what_is_no_picture_on_a_web_server(url):
    assert is_address(url)
    with pytest.raises(SourceError, match=r"^[^\n]+: [^\n]+$"):
        download_picture(url, Tls())


@pytest.mark.parametrize("text", ["a.jpg", "./http://h/x", "file:///a.jpg", "a:b", "C:\\x", "-"])
def test_what_is_no_address(text):
    assert not is_address(text)


def test_a_certificate_is_verified(tmp_path):
    file = certificate(tmp_path)
    head = b"HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"

    def talk(peer):
        peer.recv(4096)
        peer.sendall(head + PICTURE)

    with untrusted_server(encrypted(file, talk)) as port:
        url = f"https://127.0.0.1:{port}/p.jpg"
        assert download_picture(url, Tls(str(file))) == PICTURE
        assert download_picture(url, Tls(insecure=True)) == PICTURE
        with pytest.raises(SourceError, match=r"not trusted.*--tls_ca"):
            download_picture(url, Tls())


def test_predict_reads_urls_beside_files(web, tmp_path, tiny_engine, capsys):
    out, drawn = tmp_path / "o.jsonl", tmp_path / "drawn"
    urls = [web.url("ok.jpg", "admin:S3cret@"), web.url("ok.jpg"), web.url("gone"), web.url("page")]
    argv = [*urls, f"file://{PORTRAIT}", "--engine", tiny_engine]
    argv += ["--output_json", out, "--visualize", drawn]
    assert run_command(main, [str(a) for a in argv]) == 2
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    host = web.url("x").rsplit("/", 1)[0]
    assert [line["path"] for line in lines] == [host, f"{host}/ok.jpg", str(PORTRAIT)]
    assert all(len(line["faces"]) == 1 for line in lines)
    printed = capsys.readouterr()
    assert f"skipped: {host}/gone: answers 404 Not Found" in printed.err
    assert f"skipped: {host}/page: is a web page" in printed.err
    assert "2 of the pictures" in printed.err
    assert "S3cret" not in printed.err + printed.out + out.read_text()
    assert len(list(drawn.iterdir())) == 3
    assert (drawn / "ok.png").exists()


def test_a_recognizer_reads_a_url(web, tiny_engine):
    with EmotionRecognizer(tiny_engine) as recognizer:
        result = recognizer.predict(web.url("ok.jpg"))
        assert len(result.faces) == 1
        with pytest.raises(SourceError, match="404"):
            recognizer.predict(web.url("gone"))
        with pytest.raises(SourceError, match="not a picture"):
            recognizer.predict(web.url("empty"))
