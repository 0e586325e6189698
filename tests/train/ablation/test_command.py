"""An ablation repeats no finished run and counts as statistics say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from runtime.errors import UserError
from train.ablation import runs
from train.ablation.command import ablate, main
from train.ablation.cost import count_gflops, measure_cost
from train.ablation.options import AblationOptions
from train.ablation.table import summarise
from train.fit.options import FitOptions
from train.models.emotion_net import MODEL_TYPES, EmotionNet, ModelOptions


@pytest.fixture
def options(tmp_path: Path, write_ferplus: Callable[..., None]) -> AblationOptions:
    votes = [[9 if column == i % 3 else 1 for column in range(8)] + [0, 0] for i in range(12)]
    for split in ("train", "valid"):
        write_ferplus(tmp_path / "data", split, votes)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "backbone: test_resnet\nlstm_hidden: 8\nimage_size: 32\nbatch_size: 4\nlearning_rate: 1e-3"
    )
    return AblationOptions(
        data_dir=str(tmp_path / "data"),
        output_dir=str(tmp_path / "out"),
        recipe=str(recipe),
        epochs=1,
        seeds=2,
        variants=["baseline", "full", "full_unweighted"],
        threads=1,
    )


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


def test_the_recipe_decides_what_no_flag_does(
    options: AblationOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(options.recipe).open("a") as stream:
        stream.write("\nepochs: 7\nseed: 5\nlimit_train: 6")
    planned = runs.plan_runs(replace(options, epochs=None))
    assert {(r.options.epochs, r.options.limit_train) for r in planned} == {(7, 6)}
    assert [r.seed for r in planned] == [5, 5, 5, 6, 6, 6]
    assert {r.options.epochs for r in runs.plan_runs(options)} == {1}
    with Path(options.recipe).open("a") as stream:
        stream.write("\nbalanced_sampling: true")
    with pytest.raises(UserError, match="balanced_sampling does what the variants' class weights"):
        runs.plan_runs(options)


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


def test_differences_are_paired_seed_by_seed() -> None:
    accuracy = {"full": [0.80, 0.84, 0.82], "baseline": [0.78, 0.83, 0.79], "attention": [0.7]}
    rows = summarise(
        {
            name: [{"accuracy": a, "macro_f1": 0.5, "n": 10} for a in values]
            for name, values in accuracy.items()
        }
    )
    full, baseline, attention = rows
    assert full.difference is None
    assert baseline.difference == pytest.approx(-0.02)
    assert baseline.p == pytest.approx(
        stats.ttest_rel(accuracy["baseline"], accuracy["full"]).pvalue
    )
    gap = np.subtract(accuracy["baseline"], accuracy["full"])
    half = 4.302653 * gap.std(ddof=1) / 3**0.5
    assert baseline.interval == pytest.approx((-0.02 - half, -0.02 + half), abs=1e-6)
    # One seed says nothing about chance.
    assert attention.difference == pytest.approx(-0.1)
    assert attention.interval is None
    assert attention.p is None


def test_operations_are_counted_twice_for_a_multiply_add() -> None:
    assert count_gflops(nn.Conv2d(3, 8, 3, padding=1), 16) == 2 * 16 * 16 * 3 * 8 * 9 / 1e9


def test_the_lstms_operations_count() -> None:
    nets = [
        EmotionNet(ModelOptions(backbone="test_resnet", model_type=kind, lstm_hidden=8), 8).eval()
        for kind in MODEL_TYPES
    ]
    baseline, attention, full = (count_gflops(net, 64) for net in nets)
    assert baseline < attention < full
    channels = nets[2].lstm.input_size
    tokens = nets[2].backbone(torch.zeros(1, 3, 64, 64))[0].shape[2:].numel()
    weights = 2 * 4 * 8 * (channels + 8) + 2 * 4 * 8 * (16 + 8)
    # The classifier, too, has another width.
    head = 2 * 8 * (16 - channels)
    assert full - attention == pytest.approx((2 * tokens * weights + head) / 1e9)


def test_cost_leaves_the_number_of_threads_alone() -> None:
    net = EmotionNet(ModelOptions(backbone="test_resnet", model_type="baseline"), 8).eval()
    before = torch.get_num_threads()
    cost = measure_cost({"a": net, "b": net}, 32, rounds=3)
    assert torch.get_num_threads() == before
    assert cost["a"].parameters == sum(p.numel() for p in net.parameters())
    assert cost["a"].latency_ms > 0
