"""What `--detector` may name: the one list, which loads nothing."""

from __future__ import annotations

DETECTORS = ("centerface", "scrfd", "yunet")

#: Detector's score from which something is a face.
FACE_SCORE = 0.4


def check_detector(detector: object) -> None:
    """Refuses what is neither a detector's name nor an open detector.

    Raises:
        TypeError: It is neither.
    """
    if not isinstance(detector, str) and not hasattr(detector, "detect"):
        raise TypeError(f"detector must be a name or a Detector, not {detector!r}")
