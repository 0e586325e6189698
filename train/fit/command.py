"""`python -m train.fit`: trains a model from labelled faces."""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.errors import UserError
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from runtime.support.cli import parse_options
from runtime.support.files.writing import check_writable
from train.fit.options import FitOptions

if TYPE_CHECKING:
    from train.data.batches import FaceData
    from train.datasets import FaceSet
    from train.evaluate.scores import Score
    from train.fit.module import EmotionModule
    from train.models.emotion_net import EmotionNet

PROG = "python -m train.fit"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    # Before PyTorch starts its threads: spinning ones starve each other where
    # cores are few and shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    options = parse_options(FitOptions, PROG, argv)
    fit(options)
    return 0


def fit(options: FitOptions) -> Path:
    """Trains as the options say.

    Returns:
        Path of the best checkpoint.

    Raises:
        UserError: Data, options or the checkpoint to resume from are wrong.
    """
    from train.datasets import load_faces
    from train.datasets.notes import say

    root = Path(options.data_dir)
    train = load_faces(root, options.dataset, "train").with_votes()
    valid = load_faces(root, options.dataset, "valid").with_votes()
    train, valid = train.spread(options.limit_train), valid.spread(options.limit_valid)
    train = train.without_empty_classes()
    valid = valid.in_classes_of(train.labels)
    if len(train) < 2:
        raise UserError(f"{train.name}: one face is too few to train on")
    if not (valid.majority >= 0).any():
        say(f"{valid.name}: no face has a majority label; the likelihood of the votes chooses")
    _describe(train)
    _describe(valid)
    return _Fit(options, train, valid).run()


def make_spec(options: FitOptions, train: FaceSet) -> Preprocess:
    """The preprocessing that a model of these options is trained for."""
    return Preprocess(
        size=options.image_size,
        color=options.color,
        margin=options.margin,
        detail=train.detail,
    )


def make_data(options: FitOptions, train: FaceSet, valid: FaceSet) -> FaceData:
    """The loaders that the options ask for."""
    from train.data.augmentation import AugmentOptions
    from train.data.batches import FaceData, class_weights

    weights = None
    if options.use_class_weights:
        weights = class_weights(train, options.class_weight_power)
    return FaceData(
        train,
        valid,
        make_spec(options, train),
        _pick(AugmentOptions, options),
        options.batch_size,
        options.num_workers,
        options.seed,
        options.warm_size,
        options.warm_epochs,
        options.balanced_sampling,
        options.outliers,
        weights,
    )


class _Fit:
    """One training run: what its parts share."""

    def __init__(self, options: FitOptions, train: FaceSet, valid: FaceSet) -> None:
        self._options = options
        self._dir = Path(options.checkpoint_dir)
        self._train, self._valid = train, valid
        self._spec = make_spec(options, train)
        self._best = -1.0
        self._start = time.monotonic()

    def run(self) -> Path:
        import torch
        from lightning.pytorch import seed_everything

        from train.checkpoint import load_checkpoint, read_resumable
        from train.data.batches import class_weights, face_logits
        from train.evaluate.scores import confusion_table, score_logits
        from train.fit.distillation import taught
        from train.fit.module import EmotionModule, LossOptions
        from train.fit.schedule import ScheduleOptions
        from train.fit.trainer import make_trainer
        from train.models.emotion_net import EmotionNet, ModelOptions

        o = self._options
        check_writable(self._dir / "last.ckpt", "--checkpoint_dir")
        check_writable(Path(o.log_dir) / "events", "--log_dir")
        last, best = self._dir / "last.ckpt", self._dir / "best.safetensors"
        if last.is_file() and not o.resume:
            raise UserError(f"{last} exists: add --resume, or choose another --checkpoint_dir")
        seed_everything(o.seed, workers=True, verbose=False)
        if o.threads:
            torch.set_num_threads(o.threads)
        _hint_allocator()
        # Its tips and notes; warnings stay.
        logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
        classes = len(self._train.labels)
        given = o.backbone_weights or o.init_weights
        net = EmotionNet(
            _pick(ModelOptions, o), classes, o.pretrained and not given and not o.resume
        )
        if not o.resume:
            self._start_from_files(net)
        _check_sizes(net, o)
        net = net.to(memory_format=torch.channels_last)
        # It takes minutes: what can be wrong otherwise has been told by now.
        if o.teacher:
            teachers = [Path(path) for path in o.teacher]
            self._train = taught(self._train, teachers, o.teacher_share)
        weights = None
        if o.use_class_weights:
            weights = torch.from_numpy(class_weights(self._train, o.class_weight_power))
        module = EmotionModule(
            net, _pick(ScheduleOptions, o), _pick(LossOptions, o), o.seed, weights, self._recipe()
        )
        data = make_data(o, self._train, self._valid)
        epochs, stopped = 0, False
        if o.resume:
            state = read_resumable(last, module)
            epochs, stopped = state.epochs, state.waited >= o.patience
            if best.is_file():
                self._best = _progress(load_checkpoint(best)[1].metrics["valid"])
        trainer = make_trainer(o, self._keep_best)
        if stopped:
            print(f"{last}: {state.waited} epochs without progress had ended the training")
        if trainer.is_global_zero:
            places = trainer.world_size * [trainer.strategy.root_device.type]
            print(f"training on {' + '.join(places)}, {trainer.precision}", flush=True)
        try:
            if not stopped:
                trainer.fit(
                    module, datamodule=data, ckpt_path=last if o.resume else None, weights_only=True
                )
                epochs = trainer.current_epoch
        except SystemExit as stop:
            # What Lightning makes of Ctrl-C.
            raise KeyboardInterrupt from stop
        if not trainer.is_global_zero:
            return best
        model, manifest = load_checkpoint(best)
        logits = face_logits(model, self._valid, manifest.preprocess)
        score = score_logits(logits, torch.from_numpy(self._valid.majority))
        print(confusion_table(score, manifest.labels))
        print(
            f"best of {epochs} epochs, {self._valid.name}: "
            f"{_figures(score, manifest.metrics['valid'])} "
            f"({(time.monotonic() - self._start) / 60:.0f} min); {best}"
        )
        return best

    def _start_from_files(self, net: EmotionNet) -> None:
        """Loads the weights that the options name, if they do."""
        from train.checkpoint import read_manifest
        from train.models.pretrained import load_weights

        o = self._options
        if o.backbone_weights:
            load_weights(net.backbone, Path(o.backbone_weights), "--backbone_weights")
        if o.init_weights:
            path = Path(o.init_weights)
            labels = read_manifest(path).labels
            if labels != self._train.labels:
                raise UserError(
                    f"--init_weights {path}: it knows {', '.join(labels)}; "
                    f"{self._train.name} holds {', '.join(self._train.labels)}"
                )
            load_weights(net, path, "--init_weights")

    def _recipe(self) -> dict[str, Any]:
        """What a resumed training must share with what it goes on from, beside its schedule."""
        from train.data.augmentation import AugmentOptions

        o = self._options
        names = (
            *("image_size", "color", "margin", "warm_size", "warm_epochs", "limit_train"),
            *("ema_decay", "use_class_weights", "class_weight_power", "balanced_sampling"),
            *(
                "dropout",
                "patience",
                "teacher",
                "teacher_share",
                "outliers",
                *(f.name for f in fields(AugmentOptions)),
            ),
        )
        return {"labels": list(self._train.labels), **{name: getattr(o, name) for name in names}}

    def _keep_best(self, module: EmotionModule, score: Score) -> None:
        """Prints the epoch's figures and saves the weights if they are the best so far."""
        from train.checkpoint import save_checkpoint, tool_versions

        if not module.trainer.is_global_zero:
            return
        figures = {"data": self._valid.name, **score.figures()}
        if not score.n:
            figures = {"data": self._valid.name, "n": 0, "likelihood": module.progress}
        better = module.progress > self._best
        print(
            f"\nepoch {module.current_epoch}: {_figures(score, figures)}, "
            f"{(time.monotonic() - self._start) / 60:.1f} min"
            + (", best so far" if better else ""),
            flush=True,
        )
        if not better:
            return
        self._best = module.progress
        manifest = Manifest(
            labels=self._train.labels,
            preprocess=self._spec,
            model=module.net.describe(),
            metrics={"valid": figures, "epoch": module.current_epoch},
            tools=tool_versions("torch", "timm", "lightning"),
        )
        save_checkpoint(self._dir / "best.safetensors", module.net.state_dict(), manifest)


def _describe(faces: FaceSet) -> None:
    """Says what a set holds, and which emotions it lacks."""
    shares = faces.targets().mean(0)
    named = ", ".join(
        f"{label} {share:.1%}" for label, share in zip(faces.labels, shares, strict=True)
    )
    missing = [label for label in EMOTIONS if label not in faces.labels]
    lacks = f"; nothing on {', '.join(missing)}: left out" if missing else ""
    print(f"{faces.name}: {len(faces)} faces ({named}){lacks}", flush=True)


def _figures(score: Score, figures: Mapping[str, Any]) -> str:
    """An epoch's figures in words."""
    if not score.n:
        return f"likelihood of the votes {_progress(figures):.4f}"
    return f"accuracy {score.accuracy:.2%}, macro-F1 {score.macro_f1:.3f}, n = {score.n}"


def _progress(figures: Mapping[str, Any]) -> float:
    """What the manifest's figures say of how good an epoch was; see `schedule.PROGRESS`."""
    return float(figures["accuracy"] if "accuracy" in figures else figures["likelihood"])


def _check_sizes(net: EmotionNet, options: FitOptions) -> None:
    """Fails early where the backbone can't take pictures of the size that was asked for."""
    import torch

    sizes = {"--image_size": options.image_size}
    if options.warm_epochs:
        sizes["--warm_size"] = options.warm_size
    mode = net.training
    for flag, size in sizes.items():
        try:
            with torch.inference_mode():
                net.eval()(torch.zeros(1, 3, size, size))
        except (AssertionError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(
                f"{flag} {size}: --backbone {options.backbone} can't take it ({reason})"
            ) from error
    net.train(mode)


def _pick(cls: type[Any], options: FitOptions) -> Any:
    """The part of the options that another dataclass names."""
    return cls(**{f.name: getattr(options, f.name) for f in fields(cls)})


@functools.cache
def _hint_allocator() -> None:
    """Says how to train several times faster on a CPU, once, where it applies."""
    import torch

    if not torch.cuda.is_available() and "tcmalloc" not in os.environ.get("LD_PRELOAD", ""):
        print(
            "hint: on a CPU, tcmalloc makes a step 3 to 10 times faster: apt-get install "
            "libtcmalloc-minimal4, then LD_PRELOAD=libtcmalloc_minimal.so.4",
            file=sys.stderr,
        )
