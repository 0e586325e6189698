import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.redact import printable, reason


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, grün and 笑", "plain, grün and 笑"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\r\tc\x7f", "a\\nb\\r\\tc\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"),
        ("\u2028\ud800", "\\u2028\\ud800"),
    ],
)
def test_what_a_terminal_may_obey_is_escaped(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_any_text_becomes_one_line_that_can_be_written(text):
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    shown.encode()


def test_reasons_are_one_short_line():
    assert reason(ValueError("a\n  b")) == "a b"
    assert reason(MemoryError()) == "MemoryError"
    assert len(reason(ValueError("x" * 10_000))) < 310
