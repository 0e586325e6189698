"""Tiny data sets, and one thread: pools that wait for a busy core take seconds."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from runtime.manifest import EMOTIONS

SIDE, COLUMNS = 48, 4

WriteFerplus = Callable[[Path, str, Sequence[Sequence[float]]], None]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def write_ferplus() -> WriteFerplus:
    """Writes a sheet and its table, one face for each row of ten votes.

    Face `i` is filled with grey `10 * i`, four faces to a row of the sheet.
    """

    def write(folder: Path, split: str, votes: Sequence[Sequence[float]]) -> None:
        rows = -(-len(votes) // COLUMNS)
        sheet = np.zeros((rows * SIDE, COLUMNS * SIDE), np.uint8)
        table = [["name", "sheet", "row", "col", *EMOTIONS, "unknown", "nf"]]
        for i, counts in enumerate(votes):
            row, col = divmod(i, COLUMNS)
            sheet[row * SIDE : (row + 1) * SIDE, col * SIDE : (col + 1) * SIDE] = 10 * i
            place = [f"face{i}.png", f"ferplus_{split}_00.png", str(row), str(col)]
            table.append([*place, *map(str, counts)])
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"ferplus_{split}_00.png"), sheet)
        with (folder / f"ferplus_{split}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows(table)

    return write
