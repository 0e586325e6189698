"""Which runs an ablation consists of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runtime.errors import UserError
from train.ablation import runs
from train.ablation.options import AblationOptions


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
