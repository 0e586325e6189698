"""The runs of an ablation, each in its own folder and never made twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.errors import UserError
from runtime.support.cli import parse_options
from runtime.support.files.writing import write_whole
from train.checkpoint import read_manifest
from train.datasets.catalogue import load_faces
from train.fit.command import fit
from train.fit.options import FitOptions

if TYPE_CHECKING:
    from train.ablation.options import AblationOptions

_CHANGES: dict[str, dict[str, Any]] = {
    "baseline": {"model_type": "baseline", "use_class_weights": True},
    "attention": {"model_type": "attention", "use_class_weights": True},
    "full": {"model_type": "full", "use_class_weights": True},
    "full_unweighted": {"model_type": "full", "use_class_weights": False},
}

#: Options that say where and how fast, not what comes out.
_PLACES = (
    *("data_dir", "checkpoint_dir", "log_dir", "resume", "threads", "num_workers"),
    *("accelerator", "devices", "num_nodes", "strategy"),
)


@dataclass(frozen=True)
class Run:
    """One variant trained from one seed.

    Attributes:
        variant: Which network and loss.
        seed: What its draws follow from.
        options: Of `train.fit`.
        data: The faces that it trains and is measured on, wherever they lie.
    """

    variant: str
    seed: int
    options: FitOptions
    data: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.options.checkpoint_dir)

    @property
    def best(self) -> Path:
        """The checkpoint of its best epoch."""
        return self.folder / "best.safetensors"

    def result(self) -> dict[str, Any]:
        """Gives what a finished run reached: accuracy, macro_f1, n, data and epoch."""
        result: dict[str, Any] = json.loads((self.folder / "result.json").read_text())
        return {"variant": self.variant, "seed": self.seed, **result}


def plan_runs(options: AblationOptions) -> list[Run]:
    """Plans every run, seed by seed, so that what is done early can be compared.

    Raises:
        UserError: The recipe is wrong, or a folder holds a run of other options.
    """
    root = Path(options.output_dir)
    flags = ["--config", options.recipe] if options.recipe else []
    recipe = parse_options(
        FitOptions, "python -m train.ablation", [*flags, "--data_dir", options.data_dir]
    )
    if recipe.balanced_sampling:
        raise UserError(
            f"--recipe {options.recipe}: balanced_sampling does what the variants' class weights "
            "do; turn it off"
        )
    shared = ("dataset", "epochs", "limit_train", "limit_valid", "threads", "num_workers")
    given = {name: v for name in shared if (v := getattr(options, name)) is not None}
    recipe = replace(recipe, resume=False, **given)
    data = _identify(recipe)
    runs = []
    for seed in range(recipe.seed, recipe.seed + options.seeds):
        for variant in options.variants:
            name = f"{variant}-{seed}"
            places: dict[str, Any] = {
                "checkpoint_dir": str(root / "runs" / name),
                "log_dir": str(root / "logs" / name),
            }
            made = replace(recipe, seed=seed, **_CHANGES[variant], **places)
            runs.append(Run(variant, seed, made, data))
    for run in runs:
        _check_same(run)
    return runs


def finish(run: Run) -> bool:
    """Trains a run, goes on with it, or leaves it as it is if it is done.

    Returns:
        Whether there was something to train.
    """
    if (run.folder / "result.json").is_file():
        print(f"{run.folder}: done before", flush=True)
        return False
    last = run.folder / "last.ckpt"
    _write(run.folder / "options.json", _what(run))
    fit(replace(run.options, resume=last.is_file()))
    metrics = read_manifest(run.best).metrics
    _write(run.folder / "result.json", {**metrics["valid"], "epoch": metrics["epoch"]})
    # Three times the weights, and of no more use.
    last.unlink(missing_ok=True)
    return True


def _identify(options: FitOptions) -> str:
    """Names both splits by size and a hash of their votes: a folder may move, its data not."""
    parts = []
    for split in ("train", "valid"):
        faces = load_faces(Path(options.data_dir), options.dataset, split)
        digest = hashlib.blake2b(faces.votes.tobytes(), digest_size=8).hexdigest()
        parts.append(f"{faces.name}: {len(faces)} faces, {digest}")
    return "; ".join(parts)


def _check_same(run: Run) -> None:
    """Fails where a run of other options stands in the way."""
    file = run.folder / "options.json"
    if not file.is_file():
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file}: damaged; delete {run.folder} to train it again") from error
    now = _what(run)
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        name = changed[0]
        raise UserError(
            f"{run.folder} was trained with {name} {before.get(name)!r}, not {now[name]!r}: "
            "choose another --output_dir"
        )


def _what(run: Run) -> dict[str, Any]:
    options = {k: v for k, v in asdict(run.options).items() if k not in _PLACES}
    return {"data": run.data, **options}


def _write(path: Path, content: dict[str, Any]) -> None:
    """Writes JSON at once or not at all."""
    write_whole(path, json.dumps(content, indent=2) + "\n")
