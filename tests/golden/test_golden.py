"""What users see is what was recorded before the packages were rebuilt.

Texts, keys, exit codes, frames, times and tracks are compared exactly. Figures of
networks depend on the processor (INT8 on AVX2 and on VNNI differ), so they are nearly
exact where processor, ONNX Runtime and OpenCV are those of the record, and within
`ELSEWHERE` on other machines.
"""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.golden import capture
from tests.golden.commands import (
    BAD_INPUTS,
    CLIP_RUNS,
    CLIPS,
    COMMANDS,
    DEMO_RUNS,
    PREDICT_RUNS,
)


class Tolerance(NamedTuple):
    """How far figures may be from the record.

    A label may be another where the two likeliest of the record are nearer to each
    other than twice `probability`.
    """

    pixels: float
    score: float
    probability: float


#: One step of the last digit that is written.
HERE = Tolerance(pixels=0.11, score=0.0011, probability=0.00011)
ELSEWHERE = {
    "main": Tolerance(pixels=2, score=0.03, probability=0.05),
    "default": Tolerance(pixels=2, score=0.03, probability=0.25),
}


def recorded(name: str) -> Any:
    return json.loads((capture.DATA / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def same_machine() -> bool:
    return recorded("machine.json") == capture.machine()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[capture.Bench]:
    made = capture.Bench(tmp_path_factory.mktemp("golden"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def texts(bench: capture.Bench) -> tuple[dict[str, Any], dict[str, Any]]:
    return capture.texts(bench, COMMANDS, BAD_INPUTS)


def recorded_helps() -> dict[str, list[str]]:
    text = (capture.DATA / "help.txt").read_text(encoding="utf-8")
    helps: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("== python -m "):
            helps[line.split()[3]] = current = []
        elif line:
            current.append(line)
    return helps


@pytest.mark.parametrize("command", COMMANDS)
def test_help(texts, command):
    assert texts[0][command] == recorded_helps()[command]


@pytest.mark.parametrize("line", BAD_INPUTS)
def test_bad_input(texts, line):
    rows = (capture.DATA / "refusals.jsonl").read_text(encoding="utf-8").splitlines()
    wanted = {row["line"]: row for row in map(json.loads, rows)}
    assert texts[1][line] == wanted[line]


def test_every_record_is_compared():
    rows = (capture.DATA / "refusals.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["line"] for row in rows] == list(BAD_INPUTS)
    assert list(recorded_helps()) == list(COMMANDS)
    assert list(recorded("predict.json")) == list(PREDICT_RUNS)
    runs = {file.stem for file in capture.DATA.glob("*.csv")}
    assert runs == {*DEMO_RUNS, *CLIP_RUNS}


def test_manifests():
    assert capture.manifests() == recorded("manifests.json")


def test_doctor(bench):
    assert capture.doctor_run(bench) == recorded("doctor.json")


@pytest.mark.skipif(
    importlib.util.find_spec("insightface") is None,
    reason="the demo was recorded with insightface's picture",
)
def test_demo(bench, same_machine):
    _compare_videos(bench, DEMO_RUNS, same_machine)


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the clips are not here (../shared/data/clips)")
def test_clips(bench, same_machine):
    _compare_videos(bench, CLIP_RUNS, same_machine)


def test_predict(bench, same_machine):
    found = capture.at_once(
        lambda name: capture.picture_run(bench, name, PREDICT_RUNS[name]), PREDICT_RUNS
    )
    for name, wanted in recorded("predict.json").items():
        now = found[name]
        tolerance = _tolerance(name, same_machine)
        if same_machine:
            assert now["prints"] == wanted["prints"], name
        assert now["line"] == wanted["line"]
        for row, old in zip(now["rows"], wanted["rows"], strict=True):
            faces, old_faces = row.pop("faces"), old.pop("faces")
            assert list(row.items()) == list(old.items()), name
            _compare_faces(faces, old_faces, tolerance, name)


def _tolerance(name: str, same_machine: bool) -> Tolerance:
    return HERE if same_machine else ELSEWHERE[name.rpartition("-")[2]]


def _compare_videos(bench: capture.Bench, runs: dict[str, str], same_machine: bool) -> None:
    found = capture.at_once(lambda name: capture.video_run(bench, name, runs[name]), runs)
    for name, (record, table) in found.items():
        wanted = recorded(f"{name}.json")
        old_table = (capture.DATA / f"{name}.csv").read_text(encoding="utf-8")
        if not same_machine:
            # What counts labels or holds the first figures.
            for part in (record, wanted):
                del part["first_rows"], part["says"]
                part["summary"]["emotions"] = None
        assert record == wanted, name
        lines, old_lines = table.splitlines(), old_table.splitlines()
        assert lines[0] == old_lines[0], name
        rows, old_rows = list(csv.DictReader(lines)), list(csv.DictReader(old_lines))
        keys = ("stream", "frame", "time_s", "track")
        assert [[row[k] for k in keys] for row in rows] == [
            [row[k] for k in keys] for row in old_rows
        ], name
        _compare_faces(
            [_face(row) for row in rows],
            [_face(row) for row in old_rows],
            _tolerance(name, same_machine),
            name,
        )


def _face(row: dict[str, str]) -> dict[str, Any]:
    """A CSV row in the form that a face has in JSON."""
    head = ["stream", "frame", "time_s", "track", "x1", "y1", "x2", "y2", "score"]
    head += ["emotion", "confidence", "uncertain", "source", "at", "name", "zone"]
    return {
        "track": int(row["track"]),
        "box": [float(row[key]) for key in ("x1", "y1", "x2", "y2")],
        "score": float(row["score"]),
        "emotion": row["emotion"],
        "confidence": float(row["confidence"]),
        "uncertain": row["uncertain"] == "true",
        "probabilities": {k: float(v) for k, v in row.items() if k not in head},
    }


def _compare_faces(
    faces: list[dict[str, Any]], wanted: list[dict[str, Any]], tolerance: Tolerance, name: str
) -> None:
    changed = 0
    for number, (face, old) in enumerate(zip(faces, wanted, strict=True)):
        where = f"{name}, face {number}"
        assert list(face) == list(old), where
        assert face["track"] == old["track"], where
        assert face["box"] == pytest.approx(old["box"], rel=0, abs=tolerance.pixels), where
        assert face["score"] == pytest.approx(old["score"], rel=0, abs=tolerance.score), where
        near = {"rel": 0, "abs": tolerance.probability}
        assert face["confidence"] == pytest.approx(old["confidence"], **near), where
        assert list(face["probabilities"]) == list(old["probabilities"]), where
        assert face["probabilities"] == pytest.approx(old["probabilities"], **near), where
        second, first = sorted(old["probabilities"].values())[-2:]
        if first - second >= 2 * tolerance.probability:
            assert face["emotion"] == old["emotion"], where
        changed += face["uncertain"] != old["uncertain"]
    assert changed <= (0 if tolerance is HERE else 0.05 * len(wanted)), name
