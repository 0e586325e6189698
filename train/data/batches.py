"""Faces as batches of network inputs and vote distributions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from runtime.manifest import Preprocess
from runtime.vision.preprocess import face_to_input
from train.data.augmentation import Augment, AugmentOptions
from train.data.out_of_distribution import make_out_of_distribution
from train.datasets.faces import FaceSet

Sample = tuple[Tensor, Tensor, int]


class FaceDataset(Dataset[Sample]):
    """(input (3, S, S), votes (C,), majority index or -1) for each face."""

    def __init__(
        self,
        faces: FaceSet,
        spec: Preprocess,
        augment: Augment | None = None,
        seed: int = 0,
        outliers: float = 0.0,
        class_weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Pairs faces with their preprocessing.

        Args:
            faces: Faces with votes.
            spec: The device's preprocessing.
            augment: Random changes before it.
            seed: A face's changes follow from it and the index.
            outliers: Probability that an out-of-distribution sample stands in a
                face's place, with even votes and no majority.
            class_weights: (C,) of each class in the loss, if any. The votes of
                out-of-distribution samples make up for them: even votes would
                teach that what is no face is of a rare class.
        """
        self._faces = faces
        self._targets = torch.from_numpy(faces.targets())
        self._spec = spec
        self._augment = augment
        self._seed = seed
        self._outliers = outliers
        even = torch.ones(len(faces.labels))
        if class_weights is not None:
            even = 1 / torch.from_numpy(class_weights)
        self._even = even / even.sum()

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: int) -> Sample:
        """Makes the sample of face `index % len(self)`; the next round changes it otherwise."""
        draw, index = index, index % len(self)
        face, targets = self._faces.images[index], self._targets[index]
        majority = int(self._faces.majority[index])
        if self._augment is not None:
            rng = np.random.default_rng((self._seed, draw))
            # No draw where it is off: trainings without it go as they always went.
            if self._outliers and rng.random() < self._outliers:
                face, majority = make_out_of_distribution(face, rng), -1
                targets = self._even
            face = self._augment(face, rng)
        return torch.from_numpy(face_to_input(face, self._spec)), targets, majority


@dataclass(frozen=True)
class LoaderOptions:
    """How faces are made into batches.

    Attributes:
        batch_size: Faces a batch.
        num_workers: Loader processes; 0 loads in the main one.
        seed: Order of the faces follows from it and the epoch.
        warm_size: Side of the training input in the first epochs, in pixels.
        warm_epochs: How many such epochs.
        balanced_sampling: Draw faces, with replacement, those of rare classes
            more often: with one label a face each class comes equally often,
            with votes nearly so.
        outliers: Probability that an out-of-distribution sample stands in a
            training face's place.
    """

    batch_size: int = 64
    num_workers: int = 0
    seed: int = 0
    warm_size: int = 64
    warm_epochs: int = 0
    balanced_sampling: bool = False
    outliers: float = 0.0


class FaceData(LightningDataModule):
    """Training and validation batches; the first epochs may be smaller pictures."""

    def __init__(
        self,
        train: FaceSet,
        valid: FaceSet,
        spec: Preprocess,
        augment: AugmentOptions,
        loader: LoaderOptions,
        class_weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Prepares the loaders.

        Args:
            train: Faces with votes.
            valid: Faces that measure progress; never augmented.
            spec: The device's preprocessing.
            augment: Strength of augmentation.
            loader: How batches are made.
            class_weights: (C,) float32 of each class in the loss, if any, as
                `FaceDataset` takes it.
        """
        super().__init__()
        self._train, self._valid, self._spec = train, valid, spec
        self._augment, self._loader = Augment(augment), loader
        self._class_weights = class_weights

    def train_dataloader(self) -> DataLoader[Sample]:
        """Makes the shuffled, augmented batches of this epoch; made anew every epoch."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        spec = self._spec
        loader = self._loader
        if epoch < loader.warm_epochs:
            spec = replace(spec, size=loader.warm_size)
        # Lightning opens a loader and takes its first batch once or twice an
        # epoch, before or after the epoch's start, and a resumed run otherwise
        # than one that went on; so no draw may depend on those before it.
        seed = loader.seed * 1000 + epoch
        order = self._order(torch.Generator().manual_seed(seed))
        return DataLoader(
            FaceDataset(
                self._train, spec, self._augment, seed, loader.outliers, self._class_weights
            ),
            loader.batch_size,
            sampler=order,
            drop_last=len(order) >= loader.batch_size,
            num_workers=loader.num_workers,
            generator=torch.Generator().manual_seed(seed),
            pin_memory=torch.cuda.is_available(),
        )

    def _order(self, generator: torch.Generator) -> list[int]:
        """Draws this process's share of an epoch's faces; shares are equally long.

        A face that is drawn again has the index of its next round.
        """
        count = len(self._train)
        if self._loader.balanced_sampling:
            rarity = torch.from_numpy(self._train.targets() @ class_weights(self._train, 1.0))
            order = torch.multinomial(rarity, count, replacement=True, generator=generator)
            drawn: Counter[int] = Counter()
            for place, face in enumerate(order.tolist()):
                order[place] += count * drawn[face]
                drawn[face] += 1
        else:
            order = torch.randperm(count, generator=generator)
        rank, world = 0, 1
        if self.trainer is not None:
            rank, world = self.trainer.global_rank, self.trainer.world_size
        share: list[int] = order[rank : count - count % world : world].tolist()
        return share

    def val_dataloader(self) -> DataLoader[Sample]:
        """Makes plain batches at the full size; every process scores all, so that all agree."""
        return DataLoader(
            FaceDataset(self._valid, self._spec),
            self._loader.batch_size,
            num_workers=self._loader.num_workers,
        )


def class_weights(faces: FaceSet, power: float) -> NDArray[np.float32]:
    """Computes class weights that make rare classes count for more.

    A class's weight is its frequency to the power of `-power`, scaled so that
    the mean over faces is one; with a power of 1 it is scikit-learn's `balanced`.

    Args:
        faces: Faces, each class with votes on it.
        power: 0 (no change) to 1 (every class counts the same).

    Returns:
        (C,) float32.
    """
    share = faces.targets().mean(0)
    weights = share**-power
    scaled: NDArray[np.float32] = (weights / (weights @ share)).astype(np.float32)
    return scaled
