"""`python -m benchmarks.stability`: do labels hold still, and what delay does that add?

Sequences are made of data-set faces: one face for some seconds, then another
with another label, as a camera would see them: the frame drifts as a
detector's boxes do, light flickers, the sensor adds noise, motion blurs. The
labels of single frames are compared with those that the runtime shows, which
a temporal head or an average steadies: flips (changes of label while the face
shows one thing), the delay at the change from one face to the other, and
accuracy over all frames.
Clips of real people have no truth: only their flips are counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.provenance import artifact
from benchmarks.harness.schema.stability import FailedClip, StabilityReport
from benchmarks.regression.session import begin, finish, header
from benchmarks.stability.clips import measure_clip
from benchmarks.stability.options import StabilityOptions
from benchmarks.stability.sequences import measure_sequences
from runtime.errors import UserError
from runtime.support.cli import parse_options

PROG = "python -m benchmarks.stability"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(StabilityOptions, PROG, argv)
    if options.data_dir is None and not options.clip:
        raise UserError("--data_dir or --clip is required")
    if options.compare and options.data_dir is None:
        raise UserError("--compare needs --data_dir: clips give no samples")
    old = begin("stability", options, [options.engine])
    return finish(measure(options), options, old, show=True)


def measure(options: StabilityOptions) -> StabilityReport:
    """Runs the comparison; see the module's text.

    Raises:
        UserError: The data, the model or a clip can't be read.
    """
    first = header("stability", options)
    sequences = measure_sequences(options) if options.data_dir is not None else None
    clips = [measure_clip(path, options) for path in options.clip] if options.clip else None
    failed = [row for row in clips or () if isinstance(row, FailedClip)]
    if sequences is None and failed and len(failed) == len(clips or ()):
        raise UserError(failed[0].error)
    return StabilityReport(
        **first,
        artifact=artifact(options.engine),
        temporal_head=options.temporal_head,
        smoothing_s=options.smoothing_s,
        sequences=sequences,
        clips=clips,
    )
