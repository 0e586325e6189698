"""An ablation repeats no finished run and counts as statistics say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.errors import UserError
from train.ablation import runs
from train.ablation.command import ablate, main
from train.ablation.options import AblationOptions
from train.fit.options import FitOptions


def test_an_interrupted_ablation_goes_on_where_it_was(
    options: AblationOptions,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    write_ferplus: Callable[..., None],
) -> None:
    trained: list[str] = []
    real = runs.fit

    def fit(given: FitOptions) -> Path:
        trained.append(Path(given.checkpoint_dir).name)
        if len(trained) == 5:
            raise KeyboardInterrupt
        return real(given)

    monkeypatch.setattr(runs, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        ablate(options)
    assert trained == ["baseline-0", "full-0", "full_unweighted-0", "baseline-1", "full-1"]
    out = Path(options.output_dir)
    # What was finished can be read already.
    assert "baseline" in (out / "ablation.md").read_text()
    table = ablate(options)
    assert trained[5:] == ["full-1", "full_unweighted-1"]
    ablate(options)
    assert len(trained) == 7

    record = json.loads((out / "ablation.json").read_text())
    rows = {row["variant"]: row for row in record["rows"]}
    assert list(rows) == options.variants
    assert all(len(row["accuracy"]) == 2 for row in rows.values())
    assert rows["full"]["n"] == 12
    assert record["cost"]["baseline"]["parameters"] < record["cost"]["full"]["parameters"]
    assert table.read_text().count("\n| ") == 4
    assert (out / "ablation.csv").read_text().count("\n") == 4
    assert (out / "ablation.png").stat().st_size > 5000
    recipe = json.loads((out / "runs" / "full_unweighted-1" / "options.json").read_text())
    assert (recipe["seed"], recipe["use_class_weights"]) == (1, False)
    assert not list(out.glob("runs/*/last.ckpt"))

    with pytest.raises(UserError, match="was trained with epochs 1, not 2: choose another"):
        ablate(replace(options, epochs=2))
    # The same data may move; other data may not take its place.
    moved = Path(options.data_dir).rename(tmp_path / "moved")
    ablate(replace(options, data_dir=str(moved)))
    write_ferplus(moved, "valid", [[1, 9] + [0] * 8] * 12)
    with pytest.raises(UserError, match="was trained with data 'ferplus/train: 12 faces, "):
        ablate(replace(options, data_dir=str(moved)))


def test_mistakes_are_one_line(
    options: AblationOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="names one twice"):
        ablate(replace(options, variants=["full", "full"]))
    with pytest.raises(UserError, match="no such folder"):
        ablate(replace(options, data_dir=str(tmp_path / "none")))
    with pytest.raises(UserError, match="recipe.yaml: unknown option 'bogus'"):
        Path(options.recipe).write_text("bogus: 1")
        ablate(options)
    from runtime.support.cli import run_command

    assert run_command(main, ["--data_dir", ".", "--variants", "gpt"]) == 2
    assert "invalid choice: 'gpt'" in capsys.readouterr().err
