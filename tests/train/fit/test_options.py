"""The options' defaults are the classic recipe, and contradictions are refused."""

from __future__ import annotations

from pathlib import Path

from runtime.support.cli import parse_options
from train.fit.command import PROG
from train.fit.options import FitOptions

ROOT = Path(__file__).parents[3]


def test_the_classic_recipe_is_the_default() -> None:
    default = FitOptions(data_dir="D")
    assert (default.learning_rate, default.weight_decay) == (1e-4, 1e-5)
    assert (default.scheduler, default.patience) == ("plateau", 10)
    classic = ROOT / "configs" / "train" / "classic.yaml"
    given = parse_options(FitOptions, PROG, ["--config", str(classic), "--data_dir", "D"])
    for name in ("learning_rate", "weight_decay", "scheduler", "patience", "lstm_hidden"):
        assert getattr(given, name) == getattr(default, name)
