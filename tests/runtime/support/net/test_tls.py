"""Certificates of sources: real TLS servers on loopback, with and without the right one."""

import logging
import shutil
import socket

import pytest

from runtime import Pipeline
from runtime.errors import SourceError, UserError
from runtime.options.webcam import WebcamOptions
from runtime.sources.factory import open_source
from runtime.support.cli import parse_options, run_command
from runtime.support.net.tls import Tls, choose_trust
from runtime.webcam import main
from tests.support.fakes import Brain, Finder
from tests.support.servers import certificate, encrypted, untrusted_server
from tests.support.streams import jpegs

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The certificate of localhost, and of nothing else."""
    return certificate(tmp_path_factory.mktemp("own"), "DNS:localhost")


class Camera:
    """A web and RTSP camera that asks for a password; keeps what it was told."""

    def __init__(self):
        self.asked: list[bytes] = []

    @property
    def knows_password(self):
        return any(b"uthorization" in request for request in self.asked)

    def talk(self, peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            while True:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    line = lines.readline()
                    if not line:
                        return
                    request += line
                self.asked.append(request)
                if request.startswith(b"GET"):
                    self.web(peer, b"Authorization" in request)
                    return
                sequence = next(x for x in request.splitlines() if x.lower().startswith(b"cseq"))
                ask = b'401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"'
                status = b"404 Not Found" if b"Authorization" in request else ask
                peer.sendall(b"RTSP/1.0 %s\r\n%s\r\n\r\n" % (status, sequence))

    def web(self, peer, welcome):
        if not welcome:
            peer.sendall(
                b'HTTP/1.1 401 no\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
            )
            return
        peer.sendall(
            b"HTTP/1.1 200 ok\r\nContent-Type: multipart/x-mixed-replace;boundary=f\r\n\r\n"
        )
        while True:
            for data in jpegs(64, 48):
                peer.sendall(b"--f\r\nContent-Type: image/jpeg\r\n\r\n" + data + b"\r\n")


@pytest.fixture
def camera(own):
    """(camera, port) of one whose certificate is `own`."""
    there = Camera()
    with untrusted_server(encrypted(own, there.talk)) as port:
        yield there, port


def url(scheme, port, host="localhost"):
    return f"{scheme}://me:secret@{host}:{port}/x"


def read(address, tls):
    source = open_source(address, reconnect_s=0, tls_ca=tls.authorities, tls_insecure=tls.insecure)
    try:
        return source.read().picture.bgr().shape
    finally:
        source.close()


SCHEMES = ["https", "rtsps", "rtmps"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_strangers_certificate_gets_no_password(camera, scheme):
    there, port = camera
    with pytest.raises(SourceError, match="certificate is not trusted.*--tls_ca") as error:
        open_source(url(scheme, port), reconnect_s=0)
    assert not there.asked
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nor_does_the_right_one_of_another_name(camera, own, scheme):
    there, port = camera
    with pytest.raises(SourceError, match="certificate is not trusted"):
        open_source(url(scheme, port, "127.0.0.1"), reconnect_s=0, tls_ca=str(own))
    assert not there.asked


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nor_an_expired_one(tmp_path, scheme):
    old, there = certificate(tmp_path, "DNS:localhost", "2021"), Camera()
    with (
        untrusted_server(encrypted(old, there.talk)) as port,
        pytest.raises(SourceError, match="certificate is not trusted"),
    ):
        open_source(url(scheme, port), reconnect_s=0, tls_ca=str(old))
    assert not there.asked


def test_one_of_a_known_authority_is_read(camera, own, monkeypatch):
    there, port = camera
    assert read(url("https", port), Tls(str(own))) == (48, 64, 3)
    assert there.knows_password
    # The system's list, by the variable that all programs heed.
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert read(url("https", port), Tls()) == (48, 64, 3)


@pytest.mark.parametrize("trust", ["file", "insecure"])
def test_rtsps_goes_on_to_the_login_once_it_trusts(camera, own, trust):
    there, port = camera
    host = "localhost" if trust == "file" else "127.0.0.1"
    with pytest.raises(SourceError):  # this camera has no video
        open_source(
            url("rtsps", port, host),
            reconnect_s=0,
            tls_ca=str(own),
            tls_insecure=trust == "insecure",
        )
    assert there.knows_password


def test_an_insecure_source_is_said_in_the_log(camera, caplog):
    _, port = camera
    address = url("https", port, "127.0.0.1")
    tls = [Tls(insecure=True)]
    with Pipeline([address], Brain(), Finder(), reconnect_s=0, max_frames=2, tls=tls) as pipeline:
        assert len(list(pipeline)) == 2
    assert f"https://127.0.0.1:{port}: its certificate is not verified" in caplog.text
    assert "secret" not in caplog.text


def test_an_old_tls_is_refused(own):
    old = encrypted(own, lambda _: None, old=True)
    with untrusted_server(old) as port, pytest.raises(SourceError, match="no TLS connection"):
        open_source(url("https", port), reconnect_s=0, tls_ca=str(own))


@pytest.mark.parametrize("scheme", ["http", "rtsp", "rtmp"])
def test_a_password_in_the_open_is_warned_of_once(scheme, caplog):
    caplog.set_level(logging.INFO)
    address = f"{scheme}://me:secret@127.0.0.1:9/x"
    with pytest.raises(UserError):
        Pipeline([address], Brain(), Finder(), reconnect_s=0)
    assert caplog.text.count(f"go over plain {scheme}") == 1
    assert "secret" not in caplog.text
    caplog.clear()
    with pytest.raises(UserError):
        Pipeline([f"{scheme}://127.0.0.1:9/x"], Brain(), Finder(), reconnect_s=0)
    assert "plain" not in caplog.text


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_plain_source_needs_no_authorities(monkeypatch, scheme):
    def none_here(_):
        raise UserError("no list of authorities here")

    monkeypatch.setattr(Tls, "_bundle", none_here)
    with pytest.raises(SourceError, match="can't be reached"):
        open_source(f"{scheme}://127.0.0.1:9/x", reconnect_s=0)
    with pytest.raises(UserError, match="no list of authorities here"):
        open_source(f"{scheme}s://127.0.0.1:9/x", reconnect_s=0)


def test_authorities_are_loaded_once_and_again_when_they_change(own, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_bytes(own.read_bytes())
    first = Tls(str(file)).context()
    assert Tls(str(file)).context() is first
    file.write_bytes(own.read_bytes() + b"\n")
    assert Tls(str(file)).context() is not first


@pytest.mark.parametrize(
    ("files", "insecure", "found"),
    [
        (None, None, [Tls(), Tls()]),
        (["a"], None, [Tls("a"), Tls("a")]),
        (["a", "b"], [1], [Tls("a"), Tls("b", True)]),
        (None, [], [Tls(None, True), Tls(None, True)]),
        (None, [0], [Tls(None, True), Tls()]),
    ],
)
def test_each_source_has_its_own_trust(files, insecure, found):
    assert choose_trust(files, insecure, 2) == found


@pytest.mark.parametrize(
    ("files", "insecure"), [(["a", "b", "c"], None), (None, [2]), (None, [-1])]
)
def test_trust_in_sources_that_are_not_there(files, insecure):
    with pytest.raises(UserError, match="--tls_"):
        choose_trust(files, insecure, 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [("tls_insecure: true", []), ("tls_insecure: false", None), ("tls_insecure: [1]", [1])],
)
def test_insecure_in_yaml_and_as_a_flag(tmp_path, text, found):
    config = tmp_path / "c.yaml"
    config.write_text(text)
    assert parse_options(WebcamOptions, "x", ["--config", str(config)]).tls_insecure == found
    assert parse_options(WebcamOptions, "x", ["--tls_insecure", "--headless"]).tls_insecure == []
    assert parse_options(WebcamOptions, "x", ["--tls_insecure", "0", "1"]).tls_insecure == [0, 1]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_wrong_file_of_authorities_is_one_line(tmp_path, capsys, tiny_engine, content):
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    for scheme in ("https", "rtsps"):
        argv = ["--headless", "--source", f"{scheme}://127.0.0.1:9/x", "--tls_ca", str(file)]
        assert run_command(main, [*argv, "--engine", str(tiny_engine)]) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("error: ")
        assert f"--tls_ca {file}: " in last
