"""A training that something ends leaves what it reached, in words and in a file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import UserError
from tests.conftest import REPO
from tests.train.fit.conftest import Fit, ended_by
from train.fit import distillation, run
from train.fit.summary import Summary, describe, progress_of

FIGURES = {"data": "ferplus/valid", "n": 6, "accuracy": 0.8333, "macro_f1": 0.75}


def _summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def test_figures_in_words_and_as_progress() -> None:
    assert describe(FIGURES) == "accuracy 83.33%, macro-F1 0.750, n = 6"
    assert describe({"n": 0, "likelihood": 0.25}) == "likelihood of the votes 0.2500"
    assert progress_of(FIGURES) == 0.8333
    assert progress_of({"n": 0, "likelihood": 0.25}) == 0.25


def test_only_files_that_are_there_are_named(tmp_path: Path) -> None:
    summary = Summary(tmp_path, "ferplus/valid", 9, began=True, epochs=2)
    assert "before any epoch was measured" in summary.sentence("Ctrl-C or SIGTERM")
    assert "--resume" not in summary.sentence("Ctrl-C or SIGTERM")
    assert summary.record("x")["best_checkpoint"] is None
    summary.last.touch()
    summary.best_checkpoint.touch()
    summary.best, summary.best_epoch = FIGURES, 1
    said = summary.sentence("ValueError: no")
    assert said.startswith("training ended by ValueError: no after 2 of 9 epochs (0 min), best ")
    assert f"accuracy 83.33%, macro-F1 0.750, n = 6; {summary.best_checkpoint}" in said
    assert said.endswith(f"; go on from {summary.last} with --resume")
    summary.write("its end")
    assert _summary(tmp_path) == summary.record("its end")
    assert _summary(tmp_path)["last_checkpoint"] == "last.ckpt"


def test_a_summary_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--checkpoint_dir .*summary.json: "):
        Summary(tmp_path / "file", "x", 1).write("its end")


def test_a_whole_training_has_one_too(fit: Fit) -> None:
    found = _summary(fit("whole", "--epochs", "2"))
    assert (found["ended"], found["epochs"], found["epochs_planned"]) == ("its end", 2, 2)
    assert found["best"]["n"] == 6
    assert found["best_epoch"] in (0, 1)
    assert (found["best_checkpoint"], found["last_checkpoint"]) == (
        "best.safetensors",
        "last.ckpt",
    )


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (MemoryError("too much"), "MemoryError: too much"),
        (UserError("the disk is gone"), "UserError: the disk is gone"),
        (KeyboardInterrupt(), "Ctrl-C or SIGTERM"),
    ],
    ids=["exception", "user", "ctrl-c"],
)
def test_whatever_ends_a_training_leaves_what_it_reached(
    fit: Fit,
    error: BaseException,
    ended: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"ended-{type(error).__name__}"
    with ended_by(error, 2), pytest.raises(type(error)):
        fit(name, "--epochs", "4")
    said = capsys.readouterr().err
    (line,) = [line for line in said.splitlines() if line.startswith("training ended by ")]
    assert line.startswith(f"training ended by {ended} after 2 of 4 epochs")
    assert "best epoch " in line
    assert line.endswith("last.ckpt with --resume")
    folder = Path(line.split("; go on from ")[1].split(" with ")[0]).parent
    found = _summary(folder)
    assert (found["ended"], found["epochs"]) == (ended, 2)
    assert found["best"]["accuracy"] >= 0
    # The summary says how to go on, and that works.
    fit(name, "--epochs", "4", "--resume")
    assert (_summary(folder)["ended"], _summary(folder)["epochs"]) == ("its end", 4)


def _fail(*_: object) -> None:
    raise MemoryError("too much")


def test_a_failure_after_the_last_epoch_leaves_one(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fit("scored", "--epochs", "1")

    monkeypatch.setattr(run, "face_logits", _fail)
    with pytest.raises(MemoryError):
        fit("scored", "--epochs", "2", "--resume")
    found = _summary(folder)
    assert (found["ended"], found["epochs"]) == ("MemoryError: too much", 2)


def test_a_failure_of_the_distillation_leaves_one(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fit("teacher", "--epochs", "1")

    monkeypatch.setattr(distillation, "face_logits", _fail)
    with pytest.raises(MemoryError):
        fit("pupil", "--epochs", "1", "--teacher", str(folder / "best.safetensors"))
    found = _summary(folder.parent / "pupil")
    assert (found["ended"], found["epochs"]) == ("MemoryError: too much", 0)


def test_what_fails_before_the_first_step_leaves_an_older_summary_alone(
    fit: Fit, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fit("refused", "--epochs", "1")
    before = (folder / "summary.json").read_bytes()
    with pytest.raises(UserError, match="the training began with seed"):
        fit("refused", "--epochs", "1", "--seed", "4", "--resume")
    assert (folder / "summary.json").read_bytes() == before
    assert "training ended" not in capsys.readouterr().err


def test_sigterm_leaves_a_summary(tmp_path: Path, write_ferplus: Callable[..., None]) -> None:
    votes = [[9 if column == i % 3 else 1 for column in range(8)] + [0, 0] for i in range(12)]
    for split in ("train", "valid"):
        write_ferplus(tmp_path, split, votes)
    command = [
        *(sys.executable, "-m", "train.fit", "--data_dir", str(tmp_path)),
        *("--checkpoint_dir", str(tmp_path / "out"), "--log_dir", str(tmp_path / "logs")),
        *("--backbone", "test_resnet", "--model_type", "baseline", "--image_size", "32"),
        *("--batch_size", "2", "--threads", "1", "--epochs", "5000", "--patience", "5000"),
    ]
    with subprocess.Popen(
        command, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        # The second epoch has begun once the first one's checkpoint is there.
        while not (tmp_path / "out" / "last.ckpt").is_file() and process.poll() is None:
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert "training ended by Ctrl-C or SIGTERM after " in said
    assert "Traceback" not in said
    found = _summary(tmp_path / "out")
    assert found["ended"] == "Ctrl-C or SIGTERM"
    assert found["epochs"] >= 1
    assert found["last_checkpoint"] == "last.ckpt"
