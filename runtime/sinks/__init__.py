"""Where results go; one module for each kind.

base.py says what a sink is and group.py opens the ones that the options ask
for. Files: lines.py (json_lines.py, csv_rows.py), video.py. The screen:
window.py. Other machines: remote.py (mqtt.py, webhook.py).
"""

from __future__ import annotations

from runtime.sinks.base import Sink

__all__ = ["Sink"]
