"""Faces as batches of network inputs and vote distributions."""

from __future__ import annotations

from dataclasses import replace

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from runtime.manifest import Preprocess
from runtime.preprocess import face_to_input
from train.augment import Augment, AugmentOptions
from train.datasets import FaceSet

Sample = tuple[Tensor, Tensor, int]


class FaceDataset(Dataset[Sample]):
    """(input (3, S, S), votes (C,), majority index or -1) for each face."""

    def __init__(
        self, faces: FaceSet, spec: Preprocess, augment: Augment | None = None, seed: int = 0
    ) -> None:
        """Pairs faces with their preprocessing.

        Args:
            faces: Faces with votes.
            spec: The device's preprocessing.
            augment: Random changes before it.
            seed: A face's changes follow from it and the face's index.
        """
        self._faces = faces
        self._targets = torch.from_numpy(faces.targets())
        self._spec = spec
        self._augment = augment
        self._seed = seed

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: int) -> Sample:
        face = self._faces.images[index]
        if self._augment is not None:
            with torch.random.fork_rng(devices=[]):
                # The CPU's generator alone: torch.manual_seed would reset a GPU's too.
                torch.default_generator.manual_seed(self._seed * 1_000_003 + index)
                face = self._augment(face)
        inputs = torch.from_numpy(face_to_input(face, self._spec))
        return inputs, self._targets[index], int(self._faces.majority[index])


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
        """
        super().__init__()
        self._train, self._valid, self._spec = train, valid, spec
        self._augment = Augment(augment)
        self._batch_size, self._workers, self._seed = batch_size, num_workers, seed
        self._warm_size, self._warm_epochs = warm_size, warm_epochs

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
        order = torch.randperm(len(self._train), generator=torch.Generator().manual_seed(seed))
        return DataLoader(
            FaceDataset(self._train, spec, self._augment, seed),
            self._batch_size,
            sampler=order.tolist(),
            drop_last=len(self._train) >= self._batch_size,
            num_workers=self._workers,
            generator=torch.Generator().manual_seed(seed),
        )

    def val_dataloader(self) -> DataLoader[Sample]:
        """Plain batches at the full size."""
        return DataLoader(
            FaceDataset(self._valid, self._spec), self._batch_size, num_workers=self._workers
        )


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
