"""Which dataclass each benchmark's report is."""

from __future__ import annotations

from benchmarks.harness.schema.accuracy import AccuracyReport
from benchmarks.harness.schema.anonymity import AnonymityReport
from benchmarks.harness.schema.common import Report
from benchmarks.harness.schema.engine import EngineReport
from benchmarks.harness.schema.framing import FramingReport
from benchmarks.harness.schema.loading import LoadingReport
from benchmarks.harness.schema.overload import OverloadReport
from benchmarks.harness.schema.peers import PeersReport
from benchmarks.harness.schema.pipeline import PipelineReport
from benchmarks.harness.schema.shots import ShotsReport
from benchmarks.harness.schema.soak import SoakReport
from benchmarks.harness.schema.stability import StabilityReport

#: By the benchmark's name.
REPORTS: dict[str, type[Report]] = {
    "accuracy": AccuracyReport,
    "anonymity": AnonymityReport,
    "engine": EngineReport,
    "framing": FramingReport,
    "loading": LoadingReport,
    "overload": OverloadReport,
    "peers": PeersReport,
    "pipeline": PipelineReport,
    "shots": ShotsReport,
    "soak": SoakReport,
    "stability": StabilityReport,
}
