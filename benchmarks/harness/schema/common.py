"""What every report begins with, and what several hold."""

from __future__ import annotations

from dataclasses import dataclass

#: Version of the reports' JSON. Files without one are of version 1.
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was measured on.

    Attributes:
        cpu: Name of the processor or board.
        cores: CPU cores that the process may use.
        gpu: Name of the GPU, where CUDA knows one.
        governor: The kernel's policy for the clock rate (cpufreq), where the system says so.
        git: The commit, with `+` where the tree was changed.
        load_1min: Load of the last minute, before the run.
        date: When, in ISO 8601 with the zone.
        system: Operating system and architecture.
        python: Version, as are the following.
    """

    cpu: str
    cores: int
    gpu: str | None
    governor: str | None
    git: str | None
    load_1min: float
    date: str
    system: str
    python: str
    numpy: str
    onnxruntime: str
    opencv: str
    torch: str | None


@dataclass(frozen=True, kw_only=True)
class ArtifactRecord:
    """Which file a model is: its name alone may stand for several.

    Attributes:
        engine: What `--engine` took, without its folder.
        sha256: Hash of the file; None where it is no file.
        megabytes: Its size.
    """

    engine: str
    sha256: str | None
    megabytes: float | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A benchmark's report.

    Attributes:
        benchmark: Its name, a key of `benchmarks.harness.schema.kinds.REPORTS`.
        version: Of the report's form.
        machine: What was measured on.
    """

    benchmark: str
    version: int = VERSION
    machine: Machine


@dataclass(frozen=True, kw_only=True)
class ComparableReport(Report):
    """A report that `--compare` takes.

    Attributes:
        settings: Options that must be the same in both, by the name of their flag.
    """

    settings: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Hits:
    """Right and wrong, face by face.

    Attributes:
        items: Stands for the faces and their order.
        right: `1` and `0` for each of them.
    """

    items: str
    right: str
