import errno
import http.client
import ssl

import pytest

from runtime.support.reasons import connection_reason, reason


def test_an_error_is_one_short_line_without_secrets():
    assert reason(ValueError("two\nlines of  it")) == "two lines of it"
    assert reason(ValueError()) == "ValueError"
    assert reason(ValueError("http://user:secret@host/x")) == "http://host"
    assert reason(ValueError("a" * 1000)) == "a" * 300 + "..."
    assert reason(ValueError("\x1b[2J")) == "\\x1b[2J"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (TimeoutError("x"), "timed out"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused"),
        (OSError(errno.EMSGSIZE, "anything"), "sends more than it should"),
        (http.client.BadStatusLine("http://u:secret@h"), "BadStatusLine"),
        (ValueError("what the other side wrote"), "ValueError"),
        ("a text of urllib's", "str"),
        (ssl.SSLError(1, "[X] no"), "no TLS connection: broken"),
    ],
)
def test_why_a_connection_failed(error, shown):
    assert connection_reason(error) == shown


def test_a_certificate_that_is_not_trusted():
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_message = "certificate has\x1b expired"
    assert connection_reason(error) == (
        "its certificate is not trusted: certificate has\\x1b expired"
    )
