"""Faces with votes: what every reader of a data set gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.notes import say_skipped


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Faces and what people said of them.

    Attributes:
        name: Data set and split, for messages.
        labels: The C classes that the set knows, in the order of `EMOTIONS`.
        images: N grey (H, W) or BGR (H, W, 3) uint8 faces, cropped; an item
            may be read from its file each time it is asked for.
        votes: (N, C) float32, non-negative, in the order of `labels`; a
            single label is one vote.
        majority: (N,) int64 index into `labels`, -1 where there is no
            majority (the face then takes no part in accuracy).
        detail: The faces' own side in pixels where all share it, else 0.
        soft: More than one person voted on a face, so votes say more than
            the majority.
    """

    name: str
    labels: tuple[str, ...]
    images: Sequence[NDArray[np.uint8]]
    votes: NDArray[np.float32]
    majority: NDArray[np.int64]
    detail: int = 0
    soft: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, keep: NDArray[np.bool_]) -> FaceSet:
        """Gives the faces where `keep`, (N,) bool, is true."""
        chosen = np.flatnonzero(keep)
        return replace(
            self,
            images=_Chosen(self.images, chosen),
            votes=self.votes[chosen],
            majority=self.majority[chosen],
        )

    def spread(self, limit: int) -> FaceSet:
        """Gives at most `limit` faces, spread evenly over the set; all where `limit` is 0."""
        if not 0 < limit < len(self):
            return self
        keep = np.zeros(len(self), bool)
        keep[np.linspace(0, len(self) - 1, limit).round().astype(int)] = True
        return self.subset(keep)

    def with_votes(self) -> FaceSet:
        """Gives the faces with at least one vote on an emotion.

        Raises:
            UserError: There is none.
        """
        keep = self.votes.sum(1) > 0
        if not keep.any():
            raise UserError(f"{self.name}: no face has a vote on any of {', '.join(self.labels)}")
        return self.subset(keep)

    def with_majority(self) -> FaceSet:
        """Gives the faces that count for accuracy."""
        return self.subset(self.majority >= 0)

    def targets(self) -> NDArray[np.float32]:
        """Computes (N, C) float32 vote distributions; rows add up to one."""
        shares: NDArray[np.float32] = self.votes / np.maximum(
            self.votes.sum(1, keepdims=True), 1e-9
        )
        return shares

    def relabel(self, labels: tuple[str, ...]) -> FaceSet:
        """Gives the same faces in the classes of a model.

        Votes on a class that `labels` lacks are dropped, and a majority there
        becomes none.

        Args:
            labels: A subsequence of `EMOTIONS`.
        """
        if labels == self.labels:
            return self
        votes = np.zeros((len(self), len(labels)), np.float32)
        # The last entry stands for -1: no majority stays none.
        index = np.full(len(self.labels) + 1, -1, np.int64)
        for old, name in enumerate(self.labels):
            if name in labels:
                index[old] = labels.index(name)
                votes[:, index[old]] = self.votes[:, old]
        return replace(self, labels=labels, votes=votes, majority=index[self.majority])

    def in_classes_of(self, labels: tuple[str, ...]) -> FaceSet:
        """Gives the faces that a model of these classes can be scored on; says what is left out.

        Raises:
            UserError: There is none.
        """
        kept = self.relabel(labels).with_votes()
        why = f"which have no vote on any of {', '.join(labels)}"
        say_skipped(self.name, len(self) - len(kept), len(self), why)
        return kept

    def without_empty_classes(self) -> FaceSet:
        """Gives the set without the classes that no face has a vote on."""
        shown = self.votes.sum(0) > 0
        return self.relabel(
            tuple(name for name, some in zip(self.labels, shown, strict=True) if some)
        )


def single_labels(
    name: str,
    labels: tuple[str, ...],
    images: Sequence[NDArray[np.uint8]],
    classes: Sequence[int],
    detail: int = 0,
) -> FaceSet:
    """Makes a set in which each face has one label.

    Args:
        name: Data set and split.
        labels: The classes, in the order of `EMOTIONS`.
        images: N faces.
        classes: N indices into `labels`.
        detail: The faces' own side in pixels where all share it.

    Raises:
        UserError: There are no faces.
    """
    if not images:
        raise UserError(f"{name}: holds no readable pictures")
    assert labels == tuple(label for label in EMOTIONS if label in labels)
    majority = np.array(classes, np.int64)
    votes = np.eye(len(labels), dtype=np.float32)[majority]
    return FaceSet(name, labels, images, votes, majority, detail)


class _Chosen(Sequence):  # type: ignore[type-arg]
    """Some items of a sequence, looked up only when asked for."""

    def __init__(self, items: Sequence[NDArray[np.uint8]], chosen: NDArray[np.intp]) -> None:
        self._items, self._chosen = items, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return _Chosen(self._items, self._chosen[index])
        return self._items[int(self._chosen[index])]
