import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.sinks.remote.address import read_address
from runtime.sinks.remote.mqtt import Mqtt
from runtime.sinks.remote.webhook import Webhook


@pytest.mark.parametrize(
    "url",
    [
        "http://u:secret@a\x1b[2Jb/",
        "http://u:secret@a\x9bb/",
        "http://u:secret@a\u202eb/",
        "http://u:secret@a..b/",
        f"http://u:secret@{'a' * 64}/",
        "http://u:secret\udcff@host/",
        "http://u:secret@host/\udcff",
        "http://u:pass@host:secret/",
        "http://u:secret@\u2100/",
    ],
)
def test_odd_urls_are_one_line_without_a_secret(url):
    with pytest.raises(UserError, match="^--webhook must be") as caught:
        Webhook(url)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__  # no traceback shows what urllib said


@given(st.text(st.characters() | st.sampled_from(":/?#@[]%\x1b")))
def test_any_url_is_read_or_refused(rest):
    try:
        shown = read_address(f"http://{rest}", ("http",), "must be a URL").shown
    except UserError as error:
        shown = str(error)
    assert shown.startswith(("http://", "must be a URL"))
    assert shown.isprintable()


@given(st.text(string.ascii_letters + "%:/?&=1", min_size=6))
def test_what_is_shown_holds_no_secret(secret):
    secret = "S" + secret.replace("/", "%2F").replace("?", "%3F") + "S"
    address = read_address(f"http://u:{secret}@h:1/{secret}?{secret}", ("http",), "")
    assert secret not in repr(address) + address.shown


@pytest.mark.parametrize(
    ("make", "warned"),
    [
        (lambda: Webhook("http://user:secret@host/path"), "http://host: .* use https://"),
        (lambda: Webhook("http://secret@host:81/path"), "http://host:81: .* use https://"),
        (lambda: Mqtt("mqtt://user:secret@192.0.2.1/t"), "mqtt://192.0.2.1: .* use mqtts://"),
        (lambda: Webhook("http://host/path"), None),
        (lambda: Webhook("https://user:secret@host/path"), None),
        (lambda: Mqtt("mqtts://user:secret@host/t"), None),
    ],
)
def test_a_password_that_goes_unencrypted_is_warned_of_once(make, warned, caplog):
    pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt (the extra mqtt)")
    make()
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == (warned is not None)
    if warned:
        assert re.match(warned, lines[0])
        assert "secret" not in lines[0]
