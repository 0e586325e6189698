"""Sources whose pictures are black or frozen, and those that only seem so."""

import logging

import numpy as np
import pytest

from runtime.telemetry.stillness import BLACK_S, FROZEN_S, StillnessWatch

NOISE = np.random.default_rng(7).integers(0, 256, (120, 160, 3), np.uint8)
BLACK = np.zeros((120, 160, 3), np.uint8)


def said(images, live=True, step_s=0.5):
    """What the log says of pictures at a pace, with their times."""
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    logger, handler = logging.getLogger("runtime.telemetry.stillness"), Lines()
    logger.addHandler(handler)
    try:
        watch = StillnessWatch("door")
        for number, image in enumerate(images):
            watch.see(image, number * step_s, live)
    finally:
        logger.removeHandler(handler)
    return lines


def noisy(count):
    return [np.roll(NOISE, number, axis=1) for number in range(count)]


LONG = int(2 * FROZEN_S / 0.5)


def test_black_pictures_are_said_once_and_their_end_too():
    lines = said([*noisy(4), *[BLACK] * LONG, *noisy(4)])
    assert lines == [
        f"door: its pictures are all black, for {BLACK_S:g} s now",
        "door: its pictures change again",
    ]


def test_a_second_time_is_said_again():
    once = [*noisy(2), *[BLACK] * LONG]
    assert len(said(once * 2)) == 3


def test_black_from_the_first_picture_on_is_said_of_files_too():
    assert said([BLACK] * LONG, live=False) == [
        f"door: its pictures are all black, for {BLACK_S:g} s now"
    ]


def test_a_frozen_camera_is_said():
    assert said([*noisy(3), *[NOISE] * LONG]) == [
        f"door: frozen: the same picture for {FROZEN_S:g} s now"
    ]


@pytest.mark.parametrize(
    "images",
    [
        noisy(LONG),
        # A fade to black and back, a quiet scene with a whole picture now and then.
        [*noisy(3), *[BLACK] * int(BLACK_S / 0.5 - 1), *noisy(3)],
        [NOISE if number % 40 else NOISE ^ 1 for number in range(4 * LONG)],
        [np.full_like(BLACK, 1 + number % 3) for number in range(LONG)],  # night, with noise
    ],
    ids=["moving", "fade", "quiet", "night"],
)
def test_what_only_seems_so_is_not_said(images):
    assert said(images) == []


def test_a_file_may_hold_a_picture():
    assert said([NOISE] * LONG, live=False) == []


def test_sizes_may_change():
    assert said([NOISE, NOISE[:7, :9], BLACK[:1, :1], NOISE] * 50) == []
