"""Faces as batches of network inputs and vote distributions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from runtime.manifest import Preprocess
from runtime.vision.preprocess import face_to_input
from train.data.augmentation import Augment, AugmentOptions
from train.data.out_of_distribution import make_outlier
from train.datasets import FaceSet

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
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Pairs faces with their preprocessing.

        Args:
            faces: Faces with votes.
            spec: The device's preprocessing.
            augment: Random changes before it.
            seed: A face's changes follow from it and the index.
            outliers: Probability that what is no face stands in a face's place,
                with even votes and no majority.
            weights: (C,) of each class in the loss, if any. Outliers' votes make up for
                them: even votes would teach that what is no face is of a rare class.
        """
        self._faces = faces
        self._targets = torch.from_numpy(faces.targets())
        self._spec = spec
        self._augment = augment
        self._seed = seed
        self._outliers = outliers
        even = torch.ones(len(faces.labels)) if weights is None else 1 / torch.from_numpy(weights)
        self._even = even / even.sum()

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: int) -> Sample:
        """Face `index % len(self)`; the next round of indices changes it otherwise."""
        draw, index = index, index % len(self)
        face, targets = self._faces.images[index], self._targets[index]
        majority = int(self._faces.majority[index])
        if self._augment is not None:
            rng = np.random.default_rng((self._seed, draw))
            # No draw where it is off: trainings without it go as they always went.
            if self._outliers and rng.random() < self._outliers:
                face, majority = make_outlier(face, rng), -1
                targets = self._even
            face = self._augment(face, rng)
        return torch.from_numpy(face_to_input(face, self._spec)), targets, majority


class FaceData(LightningDataModule):
    """Training and validation batches; the first epochs may be smaller pictures."""

    def __init__(
        self,
        train: FaceSet,
        valid: FaceSet,
        spec: Preprocess,
        augment: AugmentOptions,
        batch_size: int,
        num_workers: int,
        seed: int,
        warm_size: int = 0,
        warm_epochs: int = 0,
        balanced: bool = False,
        outliers: float = 0.0,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Prepares the loaders.

        Args:
            train: Faces with votes.
            valid: Faces that measure progress; never augmented.
            spec: The device's preprocessing.
            augment: Strength of augmentation.
            batch_size: Faces a batch.
            num_workers: Loader processes; 0 loads in the main one.
            seed: Order of the faces follows from it and the epoch.
            warm_size: Side of the training input in the first epochs, in pixels.
            warm_epochs: How many such epochs.
            balanced: Draw faces, with replacement, those of rare classes more
                often: with one label a face each class comes equally often,
                with votes nearly so.
            outliers: As `FaceDataset` takes it, for training.
            weights: The same.
        """
        super().__init__()
        self._train, self._valid, self._spec = train, valid, spec
        self._augment = Augment(augment)
        self._batch_size, self._workers, self._seed = batch_size, num_workers, seed
        self._warm_size, self._warm_epochs = warm_size, warm_epochs
        self._balanced, self._outliers, self._weights = balanced, outliers, weights

    def train_dataloader(self) -> DataLoader[Sample]:
        """Shuffled, augmented batches of this epoch (made anew every epoch)."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        spec = self._spec
        if epoch < self._warm_epochs:
            spec = replace(spec, size=self._warm_size)
        # Lightning opens a loader and takes its first batch once or twice an
        # epoch, before or after the epoch's start, and a resumed run otherwise
        # than one that went on; so no draw may depend on those before it.
        seed = self._seed * 1000 + epoch
        order = self._order(torch.Generator().manual_seed(seed))
        return DataLoader(
            FaceDataset(self._train, spec, self._augment, seed, self._outliers, self._weights),
            self._batch_size,
            sampler=order,
            drop_last=len(order) >= self._batch_size,
            num_workers=self._workers,
            generator=torch.Generator().manual_seed(seed),
            pin_memory=torch.cuda.is_available(),
        )

    def _order(self, generator: torch.Generator) -> list[int]:
        """This process's share of an epoch's faces; shares are equally long.

        A face that is drawn again has the index of its next round.
        """
        count = len(self._train)
        if self._balanced:
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
        """Plain batches at the full size; every process scores all, so that all agree."""
        return DataLoader(
            FaceDataset(self._valid, self._spec), self._batch_size, num_workers=self._workers
        )


def class_weights(faces: FaceSet, power: float) -> NDArray[np.float32]:
    """Weights that make rare classes count for more.

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


def face_logits(net: nn.Module, faces: FaceSet, spec: Preprocess) -> Tensor:
    """Logits of plain faces, with a line of progress now and then.

    Args:
        net: The network in evaluation mode.
        faces: N faces.
        spec: Preprocessing.

    Returns:
        (N, C) float32.
    """
    rows: list[Tensor] = []
    done = 0
    with torch.inference_mode():
        for number, (inputs, _, _) in enumerate(DataLoader(FaceDataset(faces, spec), 64), 1):
            rows.append(net(inputs))
            done += len(inputs)
            if number % 10 == 0:
                print(f"{done} of {len(faces)} faces", flush=True)
    return torch.cat(rows)
