"""Every example runs as a user runs it: a file, from another folder, on what comes with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

EXAMPLES = sorted((REPO / "examples").glob("*.py"))


def run(name: str, *args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs an example in a folder that knows nothing of the checkout."""
    return subprocess.run(
        [sys.executable, str(REPO / "examples" / f"{name}.py"), *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        timeout=240,
    )


def said(name: str, *args: str, folder: Path) -> str:
    done = run(name, *args, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_help_says_what_it_is(path: Path, tmp_path: Path) -> None:
    assert "usage:" in said(path.stem, "--help", folder=tmp_path)


def test_the_table_names_every_example() -> None:
    table = (REPO / "examples" / "README.md").read_text()
    assert sorted(re.findall(r"^\| `(\w+)\.py", table, re.MULTILINE)) == [p.stem for p in EXAMPLES]


def test_picture(tmp_path: Path) -> None:
    out = said("picture", folder=tmp_path)
    assert re.match(r"happiness \d+% at \d+,\d+ to \d+,\d+\n  happiness ", out)


def test_a_picture_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run("picture", "none.jpg", folder=tmp_path)
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_own_sink(tmp_path: Path) -> None:
    out = said("own_sink", "--json", "out.jsonl", "--max_frames", "60", folder=tmp_path)
    assert re.search(r"^happiness: \d+\.\d s$", out, re.MULTILINE)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(60))


def test_own_detector_finds_only_what_is_in_its_zone(tmp_path: Path) -> None:
    def faces(*zone: str) -> int:
        out = said("own_detector", "--zone", *zone, "--max_frames", "40", folder=tmp_path)
        found = re.search(r"^(\d+) faces in the zone$", out, re.MULTILINE)
        assert found
        return int(found[1])

    assert faces("0", "0", "1", "1") >= 1
    assert faces("0", "0", "0.05", "0.05") == 0


def test_two_cameras(tmp_path: Path) -> None:
    out = said("two_cameras", "--max_frames", "80", folder=tmp_path)
    for name in ("door", "desk"):
        assert re.search(rf"^{name} \d+\.\d\d s: face \d+ shows happiness$", out, re.MULTILINE)
        assert re.search(rf"^{name}: \d+ frames, 0 dropped$", out, re.MULTILINE)


def test_two_cameras_of_your_own(tmp_path: Path, clip: Path) -> None:
    out = said("two_cameras", f"left={clip}", f"right={clip}", folder=tmp_path)
    assert "left: 40 frames, 0 dropped" in out
    assert "right: 40 frames, 0 dropped" in out


def test_asynchronous(tmp_path: Path) -> None:
    out = said("asynchronous", "demo", "demo", "--max_frames", "30", folder=tmp_path)
    assert out.count("demo 0.00 s: face 1 happiness\n") == 2
    assert re.search(r"^60 frames, [1-9]\d* turns of the event loop$", out, re.MULTILINE)


def test_plan_runs_on_a_gpu_and_is_refused_in_one_line_elsewhere(tmp_path: Path) -> None:
    done = run("plan_on_device", folder=tmp_path)
    if done.returncode == 0:
        assert re.match(r"happiness \d+%, in ", done.stdout)
        return
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
    assert str(Path("out/plan/emotion.plan")) in done.stderr
