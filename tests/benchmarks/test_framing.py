import json

import cv2
import numpy as np
import pytest

from benchmarks.framing import (
    HEIGHT,
    WIDTH,
    FramingOptions,
    NamedFaces,
    best_match,
    main,
    measure,
    place_face,
)
from runtime.engines.factory import open_engine
from runtime.messages import Face
from runtime.support.cli import run_command


def test_the_face_is_placed_in_the_middle():
    face = np.full((48, 48), 200, np.uint8)
    picture = place_face(face, 100)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    ys, xs = np.nonzero(picture[:, :, 0] == 200)
    assert (ys.min(), ys.max() + 1) == (190, 290)
    assert (xs.min(), xs.max() + 1) == (270, 370)


def test_the_best_overlap_counts():
    good, bad = Face((270, 190, 370, 290), 0.5), Face((0, 0, 90, 90), 0.9)
    assert best_match([bad, good], 100) is good
    assert best_match([bad], 100) is None
    assert best_match([], 100) is None


def test_the_crop_frames_faces_as_training_does(ferplus_dir):
    """Holds the shipped manifest's margin to what the detector does on FER+."""
    report = measure(FramingOptions(data_dir=str(ferplus_dir), samples=250))
    assert report.detected >= 0.97
    spec = open_engine().manifest.preprocess
    assert spec.margin == pytest.approx(report.margin, abs=0.05)
    assert spec.shift == pytest.approx(report.shift_y, abs=0.03)
    assert abs(report.shift_x) < 0.03


def test_accuracy_through_detection_is_near_that_on_crops(ferplus_dir, tmp_path, capsys):
    out = tmp_path / "f.json"
    argv = ["--data_dir", str(ferplus_dir), "--samples", "300", "--engine", "default"]
    assert run_command(main, [*argv, "--output_json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["n"] == 300
    gap = figures["accuracy_face_crops_where_detected"] - figures["accuracy_through_detection"]
    assert gap <= 0.05
    assert figures["accuracy_face_crops"] >= 0.78  # 300 faces: the interval is 4 points


def test_a_face_that_is_not_found_counts_as_wrong():
    seen = np.array([True, True, True, False])
    right = np.array([True, True, False, False])
    figures = NamedFaces(seen, np.ones(4, bool), right).accuracies()
    assert figures["accuracy_through_detection"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["end_to_end"] == 0.5
    assert NamedFaces(~np.ones(2, bool), right[:2], ~right[:2]).accuracies()["end_to_end"] == 0


def test_where_no_face_is_found_it_says_so(tmp_path, tiny_engine, capsys):
    folder = tmp_path / "valid" / "neutral"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), np.zeros((48, 48), np.uint8))
    flags = ["--data_dir", str(tmp_path), "--dataset", "folder", "--engine", str(tiny_engine)]
    assert run_command(main, flags) == 2
    assert "the detector found none of 1 faces" in capsys.readouterr().err


def test_its_faces_are_compared_in_pairs(tmp_path, face, tiny_engine, capsys):
    folder, out = tmp_path / "valid" / "neutral", tmp_path / "f.json"
    folder.mkdir(parents=True)
    for index in range(4):
        cv2.imwrite(str(folder / f"{index}.png"), cv2.convertScaleAbs(face, alpha=1 - 0.05 * index))
    flags = ["--data_dir", str(tmp_path), "--dataset", "folder", "--engine", str(tiny_engine)]
    assert main([*flags, "--output_json", str(out)]) == 0
    assert main([*flags, "--compare", str(out)]) == 0
    shown = capsys.readouterr().out
    assert f"same    {tmp_path.name}/valid, detected: +0 (+0 to +0), in pairs" in shown
    assert f"same    {tiny_engine.name}, {tmp_path.name}/valid, end to end: +0 (" in shown
    assert run_command(main, [*flags, "--min_score", "0.3", "--compare", str(out)]) == 2
    assert "measured with --min_score 0.4, now with --min_score 0.3" in capsys.readouterr().err


def test_a_missing_data_set_is_one_line(capsys):
    assert run_command(main, ["--data_dir", "/nope"]) == 2
    assert "no such folder" in capsys.readouterr().err
