"""What `--detector` may name: the one list, which loads nothing."""

from __future__ import annotations

DETECTORS = ("centerface", "scrfd", "yunet")

#: Detector's score from which something is a face.
FACE_SCORE = 0.4
