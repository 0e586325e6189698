"""Markdown tables of the benchmarks' reports; one function for each benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; None is an empty cell."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A bar or a line's end in a name would break the table.
    return " ".join(str(value).split()).replace("|", "\\|")


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:.2%}"


def engine(figures: Figures) -> list[str]:
    """Latency at each batch size, the parts on a GPU, the roofline, and the scenarios."""
    rows = _rows(figures, "engines")
    heads = ["engine", "batch", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "faces/s", "speed"]
    keys = ["engine", "batch", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "faces_per_s", "speed"]
    parts = [table(heads, ([row.get(key) for key in keys] for row in rows))]
    parts += [f"{row['engine']}: not measured: {row['error']}" for row in figures.get("errors", ())]
    split = [row for row in rows if "parts_ms" in row]
    if split:
        names = ["host_to_device", "compute", "device_to_host", "enqueue"]
        heads = ["engine", "batch", *(f"{name.replace('_', ' ')} ms" for name in names)]
        cells = [[r["engine"], r["batch"], *(r["parts_ms"][name] for name in names)] for r in split]
        parts.append(table(heads, cells))
    under = [row for row in rows if row.get("roofline")]
    if under:
        found = figures["roofline"]
        peaks = ", ".join(f"{name} {rate:.0f}" for name, rate in found["gflops"].items())
        parts.append(f"Measured peaks: {peaks} GFLOP/s, memory {found['gb_per_s']:.1f} GB/s.")
        keys = ["flops_per_byte", "bound", "roof_faces_per_s"]
        cells = [
            [r["engine"], r["batch"], *(roof[key] for key in keys), _percent(roof["share_of_roof"])]
            for r in under
            for roof in [r["roofline"]]
        ]
        heads = ["engine", "batch", "operations a byte", "bound", "roof, faces/s", "of the roof"]
        parts.append(table(heads, cells))
    scenarios = figures.get("scenarios")
    if scenarios:
        heads = ["engine", "scenario", "p90 ms", "p99 ms", "samples/s", "seconds"]
        keys = ["engine", "scenario", "p90_ms", "p99_ms", "samples_per_s", "seconds"]
        parts.append(table(heads, ([row.get(key) for key in keys] for row in scenarios)))
    return parts


def pipeline(figures: Figures) -> list[str]:
    """Rate, latency, drops and stages, then the start."""
    heads = ["input", "FPS", "FPS a stream", "frame / REF", "p50 ms", "p90 ms", "p99 ms", "dropped"]
    parts = [
        table(
            [*heads, "30 FPS kept"],
            [
                [
                    row_title(row),
                    row["fps"],
                    row.get("fps_per_stream"),
                    row.get("ratio"),
                    *(row.get("latency_ms", {}).get(q) for q in ("p50", "p90", "p99")),
                    _percent(row.get("dropped_share")),
                    row.get("keeps_30_fps"),
                ]
                for row in _rows(figures, "pipeline")
            ],
        )
    ]
    staged = [row for row in figures["pipeline"] if "utilisation" in row]
    if staged:
        names = list(staged[0]["utilisation"])
        parts.append(
            table(
                ["input", *(f"{name} busy" for name in names), "slowest alone", "its FPS", "of it"],
                [
                    [
                        row_title(row),
                        *(f"{row['utilisation'][name]:.0%}" for name in names),
                        row["slowest"],
                        row["slowest_alone_fps"],
                        row["fps_over_slowest"],
                    ]
                    for row in staged
                ],
            )
        )
    if "start" in figures:
        parts.append(table(["start", "value"], _plain(figures["start"]).items()))
    return parts


def _plain(figures: Figures) -> Figures:
    """Without the samples, which `--compare` takes."""
    return {key: value for key, value in figures.items() if key != "samples"}


def row_title(row: Figures) -> str:
    """What a pipeline's row was measured on."""
    title = str(row.get("title") or f"{row['faces']} faces")
    return f"{title}, camera of {row['paced_fps']:g} FPS" if row.get("paced_fps") else title


def overload(figures: Figures) -> list[str]:
    """Latency and drops at each load."""
    heads = ["load", "offered FPS", "FPS", "p50 ms", "p99 ms", "p99 / at 1x", "dropped", "shed"]
    target = figures.get("latency_target_ms")
    return [
        f"{figures['faces']} faces, {figures['streams']} streams, capacity "
        f"{figures['capacity_fps']} FPS, "
        + (f"latency target {target} ms." if target else "no latency target."),
        table(
            heads,
            [
                [
                    f"{row['load']:g}x",
                    row["offered_fps"],
                    row["fps"],
                    row["p50_ms"],
                    row["p99_ms"],
                    row.get("p99_over_1x"),
                    _percent(row["dropped"]),
                    row["shed_level"],
                ]
                for row in _rows(figures, "rows")
            ],
        ),
    ]


def stability(figures: Figures) -> list[str]:
    """Flips, delay and accuracy."""
    parts = []
    if "sequences" in figures:
        found = figures["sequences"]
        late = found["added_delay_ms"]
        parts += [
            f"{found['n']} sequences of {found['faces']} at {found['fps']:g} FPS, "
            f"{found['minutes']} minutes; added delay: median {late.get('median')} ms, "
            f"p90 {late.get('p90')} ms (n = {late['n']}).",
            table(
                ["labels", "flips a minute", "accuracy"],
                [
                    [name, found[name]["flips_per_minute"], _percent(found[name]["accuracy"])]
                    for name in ("raw", "smooth")
                ],
            ),
        ]
    if figures.get("clips"):
        keys = ["clip", "track_minutes", "raw_flips_per_minute", "smooth_flips_per_minute", "error"]
        heads = ["clip", "minutes of tracks", "raw flips a minute", "smoothed", "not measured"]
        parts.append(table(heads, ([row.get(key) for key in keys] for row in figures["clips"])))
    if not parts:
        raise ValueError("no sequences and no clips")
    return parts


def soak(figures: Figures) -> list[str]:
    """Resources over the frames, and the kills."""
    parts = []
    if "soak" in figures:
        found = figures["soak"]
        keys = ["frame", "memory_mb", "threads", "handles"]
        parts += [
            f"{found['frames']} frames, {found['lines_written']} lines written, "
            f"{found['fps']} FPS.",
            table(
                ["frame", "memory MB", "threads", "handles"],
                ([row[key] for key in keys] for row in _rows(found, "rows")),
            ),
        ]
    if "kills" in figures:
        found = figures["kills"]
        parts.append(
            f"Killed {found['kills']} times: outputs whole {found['whole']} times, largest gap "
            f"{found['largest_gap_s']} s."
        )
    if not parts:
        raise ValueError("no soak and no kills")
    return parts


def accuracy(figures: Figures) -> list[str]:
    """Artifacts and data sets; what wasn't measured says why."""
    heads = ["artifact", "data", "n", "accuracy", "95% interval", "macro-F1", "ECE"]
    rows = []
    for row in _rows(figures, "rows"):
        if "error" in row:
            rows.append([row["engine"], row["data"], None, f"not measured: {row['error']}"])
            rows[-1] += [None] * 5
            continue
        low, high = row["accuracy_95"]
        rows.append(
            [
                row["engine"],
                row["data"],
                row["n"],
                _percent(row["accuracy"]),
                f"{low:.2%} to {high:.2%}",
                f"{row['macro_f1']:.3f}",
                f"{row['ece']:.3f}",
                _percent(row.get("corruptions", {}).get("mean")),
                _percent(row.get("through_detection", {}).get("end_to_end")),
            ]
        )
    notes = dict.fromkeys(note for row in figures["rows"] for note in row.get("notes", ()))
    parts = [table([*heads, "corrupted", "through detection"], rows)]
    return parts + (["\n".join(f"- {note}" for note in notes)] if notes else [])


def peers(figures: Figures) -> list[str]:
    """Ours beside the peers: speed on each clip, faces, costs; then what wasn't measured."""
    rows = _rows(figures, "rows")
    ran = [row for row in rows if "error" not in row]
    keys = ["clip", "fps", "frame_ms", "ratio", "p99_ms", "faces_found"]
    parts = [
        f"{figures['cores']} cores, threads: {figures['threads']}; medians of {figures['rounds']} "
        f"rounds in turns; load {figures['machine'].get('load_1min')} before, "
        f"{figures.get('load_1min_after')} after.",
        table(
            ["row", "clip", "FPS", "frame ms", "time / ours", "p99 ms", "faces found"],
            ([row["peer"], *(clip[key] for key in keys)] for row in ran for clip in row["clips"]),
        ),
    ]
    if any("faces" in row for row in ran):
        heads = ["row", "accuracy", "95% interval", "n", "ours on the same", "not found", "lacks"]
        parts.append(table([*heads, "face ms", "time / ours"], map(_peer_faces, ran)))
    keys = ["peer", "start_s", "peak_memory_mb", "install_mb", "versions", "backend", "settings"]
    heads = ["row", "start s", "peak MB", "installed MB", "versions", "backend", "used as"]
    named = [
        {**row, "versions": ", ".join(f"{k} {v}" for k, v in row["versions"].items())}
        for row in ran
    ]
    parts.append(table(heads, ([row[key] for key in keys] for row in named)))
    failed = [[row["peer"], row["error"]] for row in rows if "error" in row]
    return parts + ([table(["row", "not measured"], failed)] if failed else [])


def _peer_faces(row: Figures) -> list[Any]:
    found = row.get("faces", {})
    low, high = found.get("accuracy_95", (None, None))
    return [
        row["peer"],
        _percent(found.get("accuracy")),
        None if low is None else f"{low:.2%} to {high:.2%}",
        found.get("n"),
        _percent(found.get("ours_on_the_same")),
        found["n"] - found["found"] if found else None,
        ", ".join(found.get("lacks", ())) or None,
        found.get("face_ms"),
        found.get("ratio"),
    ]


def _rows(figures: Figures, key: str) -> Sequence[Figures]:
    rows = figures[key]
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{key!r} holds no rows")
    return rows


#: By the benchmark's name.
TABLES: dict[str, Callable[[Figures], list[str]]] = {
    "engine": engine,
    "pipeline": pipeline,
    "overload": overload,
    "stability": stability,
    "soak": soak,
    "accuracy": accuracy,
    "peers": peers,
}
