"""What counts as shown, and that faces which a detector loses stay covered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.anonymity import command as anonymity
from benchmarks.anonymity import lost_faces
from benchmarks.anonymity.command import AnonymityOptions, VideoWithTruth, main, measure_video
from runtime.messages import FrameResult
from runtime.support.cli import run_command
from runtime.vision.anonymize import LOOK_AHEAD_S
from tests.conftest import write_video


def _video(portrait: np.ndarray, count: int = 6) -> VideoWithTruth:
    mask = np.zeros(portrait.shape[:2], np.bool_)
    mask[58:178, 182:270] = True
    return VideoWithTruth("portrait", 10.0, [portrait] * count, [[mask]] * count)


def test_a_covered_face_is_not_shown(portrait: np.ndarray, tiny_engine: Path) -> None:
    row = measure_video(_video(portrait), "file", 1.0, AnonymityOptions(engine=str(tiny_engine)))
    assert row.frames == row.faces == 6
    assert row.face_area_shown == row.faces_shown == 0
    # A quarter more on each side is 1.5 times each side.
    part = 1.25 * 88 * 120 / (512 * 512 - 88 * 120)
    assert row.other_area_covered == pytest.approx(part, rel=0.35)


def test_an_uncovered_face_is_shown(
    portrait: np.ndarray, tiny_engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgets(result: FrameResult) -> FrameResult:
        image = result.image.copy()
        if result.frame >= 3:
            image[:, :226] += 1  # half of the face
        return replace(result, image=image)

    monkeypatch.setattr(anonymity, "anonymize", forgets)
    row = measure_video(_video(portrait), "live", 0.0, AnonymityOptions(engine=str(tiny_engine)))
    assert row.face_area_shown == pytest.approx(0.75, abs=0.01)
    assert row.frames_with_a_face_shown == 6
    assert row.samples.face_area_shown[:3] == [1.0] * 3


@pytest.mark.parametrize("name", list(lost_faces.VIDEOS))
def test_a_face_that_the_detector_loses_stays_covered(name: str, tiny_engine: Path) -> None:
    pairs = list(lost_faces.frames(name))
    images, truth = [image for image, _ in pairs], [masks for _, masks in pairs]
    video = VideoWithTruth(name, lost_faces.FPS, images, truth)
    row = measure_video(video, "file", LOOK_AHEAD_S, AnonymityOptions(engine=str(tiny_engine)))
    # Who is nine pixels high is found by nobody.
    assert row.face_area_shown < (0.06 if name == "walks up from afar" else 0.002)
    assert row.other_area_covered < (0.75 if name == "fills the picture" else 0.2)


def test_the_command(tmp_path: Path, tiny_engine: Path, portrait: np.ndarray, capsys) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.json"
    write_video(clip, [portrait] * 5)
    flags = ["--clip", str(clip), "--no-synthetic", "--engine", str(tiny_engine)]
    assert main([*flags, "--output_json", str(out)]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [(row["video"], row["mode"]) for row in rows] == [
        ("clip.mp4", "live"),
        ("clip.mp4", "file"),
    ]
    assert all(row["face_area_shown"] == 0 for row in rows)
    assert main([*flags, "--compare", str(out)]) == 0
    assert "same    clip.mp4, file, face area shown" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--no-synthetic"], "--clip, --demo or --synthetic is required"),
        (["--clip", "/nope.mp4"], "no such file"),
        (["--clip", "rtsp://127.0.0.1:9/x"], "can't be reached"),
    ],
)
def test_nothing_to_measure_is_one_line(flags: list[str], message: str, capsys) -> None:
    assert run_command(main, flags) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
