"""From which confidence on a label is certain; loads nothing."""

from __future__ import annotations

#: Confidence from which a label deserves trust: more likely right than wrong.
CERTAIN = 0.5
