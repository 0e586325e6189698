"""What `python -m benchmarks.engine` prints."""

from __future__ import annotations

from dataclasses import asdict

from benchmarks.harness.schema.engine import EngineReport, EngineRow, ScenarioRow


def print_report(report: EngineReport) -> None:
    """Prints a table, the scenarios, and what couldn't be measured."""
    heads = ("p50 ms", "p90 ms", "p95 ms", "p99 ms", "faces/s", "speed")
    print(f"{'engine':<32} {'batch':>5}", *(f"{head:>8}" for head in heads))
    for row in report.engines:
        _print_row(row)
    for scenario in report.scenarios:
        _print_scenario(scenario)
    for failed in report.errors:
        print(f"{failed.engine}: not measured: {failed.error}")


def _print_row(row: EngineRow) -> None:
    times = (row.p50_ms, row.p90_ms, row.p95_ms, row.p99_ms)
    print(
        f"{row.engine:<32} {row.batch:>5}",
        *(f"{ms:>8.2f}" for ms in times),
        f"{row.faces_per_s:>8.0f} {row.speed:>7.2f}x",
    )
    if row.parts_ms is not None:
        shown = (f"{name} {ms:.3f}" for name, ms in asdict(row.parts_ms).items())
        print(f"  on the GPU, ms: {', '.join(shown)}")
    if row.roofline is not None:
        roof = row.roofline
        print(
            f"  {roof.share_of_roof:.1%} of the roof's {roof.roof_faces_per_s:g} faces/s "
            f"({roof.bound}-bound, {roof.flops_per_byte} operations a byte)"
        )


def _print_scenario(row: ScenarioRow) -> None:
    figures = (row.p90_ms, row.p99_ms, row.samples_per_s)
    figure = next(value for value in figures if value is not None)
    unit = "samples/s" if row.scenario == "Offline" else "ms"
    short = "" if row.as_long_as_the_rules_ask else f", in {row.seconds:g} s of 600"
    print(f"{row.engine:<32} {row.scenario}: {figure:g} {unit}{short}")
