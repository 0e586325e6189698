import http.client

import pytest

from runtime.support.net.urls import request_target, warn_of_plain_password


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("", "", "/"),
        ("/a/b.mjpg", "x=1&y=%20", "/a/b.mjpg?x=1&y=%20"),
        ("/caf\u00e9 au lait", "", "/caf%C3%A9%20au%20lait"),
        ("/a\r\nHost: evil", "q=\r\n", "/a%0D%0AHost:%20evil?q=%0D%0A"),
    ],
)
def test_a_target_has_only_characters_that_http_client_takes(path, query, target):
    assert request_target(path, query) == target
    http.client.HTTPConnection("host")._validate_path(target)


def test_a_plain_password_is_warned_of(caplog):
    warn_of_plain_password("mqtt://host:1883", "mqtt")
    assert "mqtt://host:1883: user and password go over plain mqtt" in caplog.text
    assert "use mqtts://" in caplog.text
