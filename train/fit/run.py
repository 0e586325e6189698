"""One training from data to the best checkpoint, and what is told of it."""

from __future__ import annotations

import functools
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import seed_everything
from lightning.pytorch.utilities import rank_zero_only

from runtime.errors import UserError
from runtime.manifest import Manifest, Preprocess
from runtime.support.files.writing import check_writable
from train.checkpoint import (
    load_checkpoint,
    read_manifest,
    read_resumable,
    save_checkpoint,
    tool_versions,
)
from train.data.batches import class_weights
from train.datasets.faces import FaceSet
from train.fit.build import make_data, make_net, make_recipe, make_spec, part_of
from train.fit.distillation import distill, open_teachers
from train.fit.module import EmotionModule, LossOptions
from train.fit.options import FitOptions
from train.fit.schedule import ScheduleOptions
from train.fit.summary import Summary, describe, progress_of
from train.fit.trainer import make_trainer
from train.inference import face_logits
from train.models.emotion_net import EmotionNet
from train.scores import Score, confusion_table, score_logits
from train.threads import use_threads
from train.torch_engine import TorchEngine


@dataclass(frozen=True)
class FitData:
    """The faces of a training.

    Attributes:
        train: Faces to learn from, with votes and without empty classes.
        valid: Faces that choose the best epoch, in the same classes.
        spec: Preprocessing of both.
    """

    train: FaceSet
    valid: FaceSet
    spec: Preprocess


class TrainingRun:
    """One training: its options, its faces, and how far it has come."""

    def __init__(self, options: FitOptions, train: FaceSet, valid: FaceSet) -> None:
        """Notes what is trained on what.

        Args:
            options: All of them.
            train: Faces to learn from, with votes and without empty classes.
            valid: Faces that choose the best epoch, in the same classes.
        """
        self._options = options
        self._data = FitData(train, valid, make_spec(options, train))
        self._summary = Summary(Path(options.checkpoint_dir), valid.name, options.epochs)

    def run(self) -> Path:
        """Trains, and leaves a summary whatever ends it.

        Returns:
            Path of the best checkpoint.

        Raises:
            UserError: Options, a folder or the checkpoint to resume from are wrong.
            KeyboardInterrupt: Ctrl-C or SIGTERM ended it.
        """
        o, summary = self._options, self._summary
        _check_places(o, summary)
        seed_everything(o.seed, workers=True, verbose=False)
        use_threads(o.threads)
        _hint_allocator()
        # Its tips and notes; warnings stay.
        logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
        net = make_net(o, self._data.train)
        try:
            self._train(net)
        except (KeyboardInterrupt, SystemExit) as stop:
            # Lightning makes SystemExit of Ctrl-C.
            self._tell_end("Ctrl-C or SIGTERM")
            raise KeyboardInterrupt from stop
        except BaseException as error:
            self._tell_end(f"{type(error).__name__}: {error}".splitlines()[0])
            raise
        return summary.best_checkpoint

    def _train(self, net: EmotionNet) -> None:
        """Distils if asked to, trains, and scores what came of it."""
        o, summary = self._options, self._summary
        # Its work takes minutes: what can be wrong otherwise has been told by now.
        train = self._data.train
        if o.teacher:
            teachers = open_teachers([Path(path) for path in o.teacher], train.labels)
            summary.began = True
            train = distill(train, teachers, o.teacher_share)
        weights = None
        if o.use_class_weights:
            weights = torch.from_numpy(class_weights(train, o.class_weight_power))
        module = EmotionModule(
            net,
            part_of(ScheduleOptions, o),
            part_of(LossOptions, o),
            o.seed,
            weights,
            make_recipe(o, train.labels),
        )
        data = make_data(o, train, self._data.valid)
        stopped = o.resume and self._take_up(module)
        trainer = make_trainer(o, self._keep_best, summary)
        if trainer.is_global_zero and not stopped:
            places = trainer.world_size * [trainer.strategy.root_device.type]
            print(f"training on {' + '.join(places)}, {trainer.precision}", flush=True)
        if not stopped:
            last = summary.last if o.resume else None
            trainer.fit(module, datamodule=data, ckpt_path=last, weights_only=True)
            summary.epochs = trainer.current_epoch
        if trainer.is_global_zero:
            self._conclude()

    def _take_up(self, module: EmotionModule) -> bool:
        """Reads what a training to be resumed has reached; True if it had stopped early."""
        summary = self._summary
        state = read_resumable(summary.last, module)
        summary.epochs = state.epochs
        if summary.best_checkpoint.is_file():
            metrics = read_manifest(summary.best_checkpoint).metrics
            summary.best, summary.best_epoch = metrics["valid"], metrics.get("epoch", -1)
        stopped = state.waited >= self._options.patience
        if stopped:
            print(f"{summary.last}: {state.waited} epochs without progress had ended the training")
        return stopped

    def _tell_end(self, ended: str) -> None:
        """Leaves the summary of an unfinished training, if some of its work was done."""
        if getattr(rank_zero_only, "rank", 0) or not self._summary.began:
            return
        print(f"\n{self._summary.sentence(ended)}", file=sys.stderr, flush=True)
        try:
            self._summary.write(ended)
        except UserError as error:
            # What ended the training must not hide behind this.
            print(error, file=sys.stderr, flush=True)

    def _conclude(self) -> None:
        """Scores the best checkpoint as it was saved, and tells the whole."""
        summary, valid = self._summary, self._data.valid
        net, manifest = load_checkpoint(summary.best_checkpoint)
        logits = face_logits(TorchEngine(net, manifest, str(summary.best_checkpoint)), valid)
        score = score_logits(torch.from_numpy(logits), torch.from_numpy(valid.majority))
        print(confusion_table(score, manifest.labels))
        figures = score.figures() if score.n else manifest.metrics["valid"]
        print(
            f"best of {summary.epochs} epochs, {valid.name}: {describe(figures)} "
            f"({summary.minutes:.0f} min); {summary.best_checkpoint}"
        )
        summary.write("its end")

    def _keep_best(self, module: EmotionModule, score: Score) -> None:
        """Prints the epoch's figures and saves the weights if they are the best so far."""
        if not module.trainer.is_global_zero:
            return
        summary, name = self._summary, self._data.valid.name
        figures = {"data": name, **score.figures()}
        if not score.n:
            figures = {"data": name, "n": 0, "likelihood": module.progress}
        better = not summary.best or module.progress > progress_of(summary.best)
        print(
            f"\nepoch {module.current_epoch}: {describe(figures)}, "
            f"{summary.minutes:.1f} min" + (", best so far" if better else ""),
            flush=True,
        )
        if not better:
            return
        manifest = Manifest(
            labels=self._data.train.labels,
            preprocess=self._data.spec,
            model=module.net.describe(),
            metrics={"valid": figures, "epoch": module.current_epoch},
            tools=tool_versions("torch", "timm", "lightning"),
        )
        save_checkpoint(summary.best_checkpoint, module.net.state_dict(), manifest)
        summary.best, summary.best_epoch = figures, module.current_epoch


def _check_places(options: FitOptions, summary: Summary) -> None:
    """Fails early where nothing can be written, or another training would be lost."""
    check_writable(summary.last, "--checkpoint_dir")
    check_writable(Path(options.log_dir) / "events", "--log_dir")
    if summary.last.is_file() and not options.resume:
        raise UserError(f"{summary.last} exists: add --resume, or choose another --checkpoint_dir")


@functools.cache
def _hint_allocator() -> None:
    """Says how to train several times faster on a CPU, once, where it applies."""
    if not torch.cuda.is_available() and "tcmalloc" not in os.environ.get("LD_PRELOAD", ""):
        print(
            "hint: on a CPU, tcmalloc makes a step 3 to 10 times faster: apt-get install "
            "libtcmalloc-minimal4, then LD_PRELOAD=libtcmalloc_minimal.so.4",
            file=sys.stderr,
        )
