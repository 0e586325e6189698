"""`python -m tests.golden.record` writes the record anew, into tests/golden/data.

Do so only for a change that was meant, and read the difference before it is committed.
Runs of clips that this machine lacks are left as they are.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.golden import capture
from tests.golden.commands import (
    BAD_INPUTS,
    CLIP_RUNS,
    CLIPS,
    COMMANDS,
    DEMO_RUNS,
    PREDICT_RUNS,
)


def main() -> None:
    """Runs everything; takes about half a minute on two cores."""
    capture.DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = capture.Bench(Path(folder))
        try:
            _record(bench)
        finally:
            bench.close()


def _record(bench: capture.Bench) -> None:
    helps, refusals = capture.texts(bench, COMMANDS, BAD_INPUTS)
    _write("help.txt", "\n".join(section(name, lines) for name, lines in helps.items()))
    _write("refusals.jsonl", "".join(_line(row) for row in refusals.values()))
    runs = {**DEMO_RUNS, **(CLIP_RUNS if CLIPS.is_dir() else {})}
    for name, (record, table) in capture.at_once(
        lambda name: capture.video_run(bench, name, runs[name]), runs
    ).items():
        _write(f"{name}.json", _by_key(record))
        _write(f"{name}.csv", table)
    pictures = capture.at_once(
        lambda name: capture.picture_run(bench, name, PREDICT_RUNS[name]), PREDICT_RUNS
    )
    _write("predict.json", json.dumps(pictures, indent=1) + "\n")
    _write("doctor.json", json.dumps(capture.doctor_run(bench), indent=1) + "\n")
    _write("manifests.json", _by_key(capture.manifests()))
    _write("machine.json", json.dumps(capture.machine(), indent=1) + "\n")


def section(name: str, lines: list[str]) -> str:
    return f"== python -m {name} --help\n" + "".join(f"{line}\n" for line in lines)


def _line(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _by_key(record: dict[str, Any]) -> str:
    """JSON with one line a key, so that a difference can be read and the file stays small."""
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in record.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _write(name: str, text: str) -> None:
    (capture.DATA / name).write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
