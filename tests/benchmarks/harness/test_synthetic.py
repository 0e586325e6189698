"""Synthetic video holds what it should, and a paced camera waits for nobody."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from benchmarks.harness.synthetic import PacedCamera, SyntheticVideo, render
from runtime.detectors.factory import open_detector
from runtime.vision.picture import Picture


@pytest.mark.parametrize("faces", [1, 6, 16])
def test_rendered_frames_hold_so_many_faces(faces: int) -> None:
    frames = render(faces, 3)
    detector = open_detector(size=320, threshold=0.4)
    assert [len(detector.detect(Picture(frame))) for frame in frames] == [faces] * 3


def test_other_shapes_get_margins() -> None:
    (wide,), (small,) = render(1, 1, (1280, 720)), render(1, 1)
    assert wide.shape == (720, 1280, 3)
    assert (wide[:, :160] == 128).all()
    assert np.abs(cv2.resize(wide[:, 160:1120], (640, 480)) * 1.0 - small).mean() < 5


def test_a_camera_keeps_its_frame_rate_and_never_catches_up_early() -> None:
    camera = PacedCamera(SyntheticVideo([np.zeros((4, 4, 3), np.uint8)], 20), fps=100)
    start = time.monotonic()
    times = []
    while (got := camera.read()) is not None:
        times.append(got.time_s)
    assert len(times) + camera.skipped == 20
    assert time.monotonic() - start >= 0.19
    assert times == sorted(times)
    assert camera.waited_s > 0
    assert all(t >= i / 100 for i, t in enumerate(times))


def test_what_passes_while_nobody_reads_is_gone() -> None:
    camera = PacedCamera(
        SyntheticVideo([np.full((4, 4, 3), i, np.uint8) for i in range(50)], 50), fps=100
    )
    assert camera.read() is not None
    time.sleep(0.1)
    got = camera.read()
    assert got is not None
    assert camera.skipped >= 8
    assert got.picture.bgr()[0, 0, 0] == camera.skipped + 2, "the frame of that moment"


def test_what_passes_after_the_end_is_no_frame() -> None:
    camera = PacedCamera(SyntheticVideo([np.zeros((4, 4, 3), np.uint8)], 3), fps=100)
    assert camera.read() is not None
    time.sleep(0.1)
    assert camera.read() is None
    assert camera.skipped == 2
