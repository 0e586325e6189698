"""What holds for a single source; loads nothing heavy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.support.files.home import at_home
from runtime.support.net.tls import Tls
from runtime.support.ranges import within

if TYPE_CHECKING:
    from runtime.sources.base import Source


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One source and what holds for it alone; `sources:` in YAML has the same keys.

    Attributes:
        source: What `open_source` takes, or a source of the caller's own.
        name: What it is called in logs, results and metrics; None for its address
            without credentials.
        reconnect_s: How long a camera or stream that is lost is tried again, in
            seconds: 0 for not at all, infinity for ever.
        tls_ca: PEM file of the authorities that its server must be certified by;
            None for the system's.
        tls_insecure: Trust any certificate of its server.
        recursive: Read the folders in a folder of pictures too.
    """

    source: str | Path | Source
    name: str | None = None
    reconnect_s: float = math.inf
    tls_ca: str | None = None
    tls_insecure: bool = False
    recursive: bool = False

    def __post_init__(self) -> None:
        within("reconnect_s", self.reconnect_s, 0)

    @property
    def tls(self) -> Tls:
        """Whom its connection trusts."""
        return Tls(at_home(self.tls_ca), self.tls_insecure)
