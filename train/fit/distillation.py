"""Distillation: soft targets from teachers, which say what they see in the training faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from runtime.errors import UserError
from train.checkpoint import load_checkpoint
from train.datasets.faces import FaceSet
from train.inference import face_logits
from train.torch_engine import TorchEngine


def open_teachers(paths: Sequence[Path], labels: Sequence[str]) -> list[TorchEngine]:
    """Loads the models of an ensemble.

    Args:
        paths: Checkpoints.
        labels: Classes that each must know; it may know others.

    Raises:
        UserError: A checkpoint can't be read, or lacks a class.
    """
    teachers = []
    for path in paths:
        net, manifest = load_checkpoint(path)
        lacking = [label for label in labels if label not in manifest.labels]
        if lacking:
            raise UserError(f"--teacher {path}: it does not know {', '.join(lacking)}")
        net = net.to(memory_format=torch.channels_last)
        teachers.append(TorchEngine(net, manifest, str(path)))
    return teachers


def distill(faces: FaceSet, teachers: Sequence[TorchEngine], share: float) -> FaceSet:
    """Makes the votes on faces partly what an ensemble of models gives them.

    Ten people's votes are a noisy sample of what all people would say; the
    teachers' mean distribution is a smoother one (Hinton et al. 2015,
    arXiv:1503.02531, at a temperature of one; with a teacher of the student's
    own kind, Furlanello et al. 2018, arXiv:1805.04770).

    Args:
        faces: N training faces.
        teachers: From `open_teachers`.
        share: Part of each target that the teachers give, 0 to 1.

    Returns:
        The faces with `(1 - share) * votes + share * teachers` as votes, rows
        adding up to one; the majority stays.
    """
    total = torch.zeros(len(faces), len(faces.labels))
    for teacher in teachers:
        print(f"{teacher.name}: asked about {len(faces)} faces", flush=True)
        columns = [teacher.manifest.labels.index(label) for label in faces.labels]
        logits = face_logits(teacher, faces)
        total += torch.from_numpy(logits)[:, columns].softmax(1)
    mean: NDArray[np.float32] = (total / len(teachers)).numpy()
    votes = np.float32(1 - share) * faces.targets() + np.float32(share) * mean
    return replace(faces, votes=votes)
