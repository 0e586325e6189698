"""Writes small pictures whose grey level tells them apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

WritePicture = Callable[..., Path]


@pytest.fixture(scope="session")
def write_picture() -> WritePicture:
    """Writes a picture of one grey level and makes its folder."""

    def write(path: Path, value: int, shape: tuple[int, ...] = (40, 30, 3)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full(shape, value, np.uint8))
        return path

    return write
