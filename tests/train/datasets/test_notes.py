"""Notes are single lines on standard error."""

from __future__ import annotations

import pytest

from train.datasets.notes import say, say_skipped


def test_a_name_with_a_line_break_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nname  of  spaces")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "a name of spaces\n")


def test_only_what_was_skipped_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    say_skipped("set", 0, 9, "unreadable pictures", "a.png")
    assert capsys.readouterr().err == ""
    say_skipped("set", 2, 9, "unreadable pictures", "a.png")
    say_skipped("set", 1, 9, "no face box")
    assert capsys.readouterr().err.splitlines() == [
        "set: skipped 2 of 9 faces, unreadable pictures; the first: a.png",
        "set: skipped 1 of 9 faces, no face box",
    ]
