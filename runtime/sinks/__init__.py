"""Where results go; one module for each kind.

base.py says what a sink is, opening.py opens those that the options ask for,
and group.py writes to all of them. Files: lines.py (json_lines.py,
csv_rows.py), video.py. The screen: window.py. Other machines: remote.py
(mqtt.py, webhook.py; address.py reads their URLs, runtime.sockets connects).
"""

from __future__ import annotations

from runtime.sinks.base import Sink

__all__ = ["Sink"]
