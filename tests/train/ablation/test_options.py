"""The options of an ablation leave to the recipe what no flag says."""

from __future__ import annotations

import dataclasses

import pytest

from runtime.errors import UserError
from runtime.support.cli import parse_options
from train.ablation.options import VARIANTS, AblationOptions
from train.fit.options import FitOptions


def test_defaults_leave_the_recipe_its_say() -> None:
    options = parse_options(AblationOptions, "ablation", ["--data_dir", "D"])
    assert (options.variants, options.seeds) == (list(VARIANTS), 3)
    shared = {f.name for f in dataclasses.fields(FitOptions)}
    for name in ("dataset", "epochs", "limit_train", "limit_valid", "threads", "num_workers"):
        assert name in shared
        assert getattr(options, name) is None


@pytest.mark.parametrize("flags", [("--seeds", "0"), ("--epochs", "0"), ("--threads", "-1")])
def test_what_lies_outside_is_refused(flags: tuple[str, str]) -> None:
    with pytest.raises(UserError, match=f"{flags[0]} must be"):
        parse_options(AblationOptions, "ablation", ["--data_dir", "D", *flags])
