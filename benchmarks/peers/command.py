"""`python -m benchmarks.peers`: ours beside what a user would pick instead.

The same frames, and the same cropped faces of FER+, through each peer in an
environment and process of its own, in turns. What can't be installed, or whose
weights can't be had, is a row that says so, and the rest goes on.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness.options import OutputOptions, rounds_option
from benchmarks.harness.provenance import artifact, describe, this_machine
from benchmarks.harness.results import write_report
from benchmarks.harness.schema.peers import PeersReport
from benchmarks.peers.catalogue import PEERS, choose
from benchmarks.peers.environments import default_folder
from benchmarks.peers.figures import make_rows
from benchmarks.peers.material import write_material
from benchmarks.peers.rounds import run_rounds
from benchmarks.report.tables import tables
from runtime.errors import UserError
from runtime.support.cli import option, parse_options
from runtime.support.files.writing import check_writable
from train.datasets.catalogue import DATASETS, load_faces

if TYPE_CHECKING:
    from train.datasets.faces import FaceSet

PROG = "python -m benchmarks.peers"


@dataclass(kw_only=True)
class PeersOptions(OutputOptions):
    """Measure the runtime beside other packages for the same job."""

    peers: list[str] = option("which, beside ours", list(PEERS), choices=tuple(PEERS))
    data_dir: str | None = option("faces for the accuracy; none measures frames only", None)
    dataset: str = option("their layout", "ferplus", choices=DATASETS)
    source: str = option("a video or folder, or demo: rendered faces, one and six", "demo")
    frames: int = option("frames of a turn, from the start", 30, between=(5, math.inf))
    faces: int = option("faces in all, evenly spread; 0 uses all", 300, between=(0, math.inf))
    rounds: int = rounds_option("rounds after the warm-up", 5)
    turn_s: float = option(
        "longest time of a turn, in seconds; a slower peer does fewer frames",
        3.0,
        between=(0.1, 3600),
    )
    cores: int = option("CPU cores that each may use", 2, between=(1, 1024))
    environments: str | None = option(
        "folder of the peers' environments (default: ~/.cache/emotion-edge/peers)", None
    )
    install_minutes: float = option("longest time of an install", 20.0, between=(0.01, 600))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(PeersOptions, PROG, argv)
    if options.output_json:
        check_writable(Path(options.output_json), "--output_json")
    report = measure(options)
    print(f"on {describe(report.machine)}")
    print("\n\n".join(tables(report)))
    write_report(report, options.output_json)
    return 0


def measure(options: PeersOptions) -> PeersReport:
    """Runs all of it; see the module's text.

    Raises:
        UserError: The source, the faces or a folder can't be used.
    """
    faces = _load(options)
    root = Path(options.environments).resolve() if options.environments else default_folder()
    with tempfile.TemporaryDirectory() as folder, _confined(options.cores) as cores:
        before = this_machine()
        material = write_material(Path(folder), options.source, options.frames, faces)
        runners = run_rounds(
            choose(options.peers),
            material,
            root,
            options.rounds,
            options.turn_s,
            60 * options.install_minutes,
        )
    return PeersReport(
        benchmark="peers",
        machine=before,
        load_1min_after=round(os.getloadavg()[0], 2),
        artifacts=[artifact("default"), artifact("main")],
        cores=cores,
        threads="each package's own choice",
        rounds=options.rounds,
        source=Path(options.source).name,
        clips=list(material.clips),
        faces=material.faces,
        faces_n=len(material.truth),
        rows=make_rows(runners, material),
    )


def _load(options: PeersOptions) -> FaceSet | None:
    if options.data_dir is None:
        return None
    faces = load_faces(Path(options.data_dir), options.dataset, "valid").with_majority()
    return faces.spread(options.faces)


@contextmanager
def _confined(cores: int) -> Iterator[int]:
    """Children started inside run on so many cores; gives how many these are."""
    if not hasattr(os, "sched_setaffinity"):
        raise UserError("benchmarks.peers needs Linux")
    allowed = os.sched_getaffinity(0)
    chosen = set(sorted(allowed)[:cores])
    os.sched_setaffinity(0, chosen)
    try:
        yield len(chosen)
    finally:
        os.sched_setaffinity(0, allowed)
