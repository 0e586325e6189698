"""A bar shows only where work takes long, on standard error and in one line."""

from __future__ import annotations

import pytest

from train import progress
from train.progress import show_progress


def test_short_work_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(show_progress(range(5), "faces")) == [0, 1, 2, 3, 4]
    with show_progress(None, "others", 3) as bar:
        bar.update(3)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_long_work_shows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    with show_progress(None, "a\nname", 8, "layers") as bar:
        bar.update(8)
    said = capsys.readouterr()
    assert said.out == ""
    assert "a name: 100%" in said.err
    assert "8/8" in said.err
    assert "layers" in said.err
