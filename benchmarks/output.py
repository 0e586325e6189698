"""Where a benchmark's figures go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_figures(figures: Mapping[str, Any], path: str | None) -> None:
    """Writes figures as JSON where `--output_json` says; None writes nothing."""
    if path:
        Path(path).write_text(json.dumps(figures, indent=2) + "\n")


def show_figures(figures: Mapping[str, Any], path: str | None) -> None:
    """Prints figures as JSON, and writes them as `write_figures`."""
    print(json.dumps(figures, indent=2))
    write_figures(figures, path)
