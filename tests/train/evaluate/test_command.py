"""The command end to end on tiny data: files, figures, warnings and mistakes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from runtime.engines.factory import open_engine
from runtime.errors import UserError
from runtime.manifest import EMOTIONS, Manifest, Preprocess, file_hash
from runtime.support.cli import run_command
from tests.conftest import REPO, TINY
from tests.train.evaluate.conftest import VOTES
from train.checkpoint import save_checkpoint
from train.datasets.catalogue import load_faces
from train.evaluate.command import evaluate, main
from train.evaluate.options import EvaluateOptions
from train.models.emotion_net import EmotionNet, ModelOptions

ALWAYS = {
    *("metrics.json", "report.html", "per_class.csv", "roc.png", "reliability.png"),
    *("confusion_counts.csv", "confusion_counts.png"),
    *("confusion_normalised.csv", "confusion_normalised.png"),
}


def _checkpoint(path: Path, **changes: object) -> EmotionNet:
    torch.manual_seed(0)
    net = EmotionNet(ModelOptions("test_resnet", "baseline"), 8).eval()
    # Untrained logits are nearly equal; these differ.
    net.head.weight.data *= 100
    manifest = replace(Manifest(preprocess=Preprocess(size=32), model=net.describe()), **changes)  # type: ignore[arg-type]
    save_checkpoint(path, net.state_dict(), manifest)
    return net


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_everything_is_written_and_agrees(
    data: Path, tiny_engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--engine", str(tiny_engine), "--data_dir", str(data), "--output_dir", str(tmp_path)]
    assert main([*flags, "--threads", "1"]) == 0
    files = {p.name for p in tmp_path.iterdir()}
    assert files == ALWAYS | {"copies.csv", "corruptions.csv", "corruptions.png"}
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["data"]["n"], metrics["data"]["n_majority"]) == (7, 6)
    assert metrics["model"]["sha256"] == file_hash(tiny_engine)
    assert metrics["command"] == f"python -m train.evaluate {' '.join(_sorted(flags))} --threads 1"
    # The figures follow from the counts, and the counts from the model.
    table = _rows(tmp_path / "confusion_counts.csv")
    counts = np.array([[int(row[name]) for name in EMOTIONS] for row in table])
    assert counts.tolist() == metrics["confusion"]
    assert metrics["accuracy"] == pytest.approx(np.trace(counts) / 6, abs=1e-4)
    faces = load_faces(data, "ferplus", "valid")
    grey = np.stack([np.full((3, 32, 32), f.mean() / 127.5 - 1, np.float32) for f in faces.images])
    guess = open_engine(tiny_engine).infer(grey)["logits"].argmax(1)
    wanted = np.zeros((8, 8), int)
    for truth, said in zip(faces.majority, guess, strict=True):
        wanted[truth, said] += truth >= 0
    assert counts.tolist() == wanted.tolist()
    classes = {row["label"]: row for row in _rows(tmp_path / "per_class.csv")}
    assert tuple(classes) == EMOTIONS
    assert [row["support"] for row in classes.values()] == ["2", "2", "1", *"0000", "1"]
    assert (classes["fear"]["recall"], classes["fear"]["auc"]) == ("", "")
    shares = {row["truth"]: row for row in _rows(tmp_path / "confusion_normalised.csv")}
    assert sum(float(shares["neutral"][name]) for name in EMOTIONS) == pytest.approx(1)
    assert shares["fear"]["neutral"] == ""
    spoiled = _rows(tmp_path / "corruptions.csv")
    assert len(spoiled) == 7
    assert metrics["corruptions"]["clean"] == metrics["accuracy"]
    third = np.mean([metrics["accuracy"] - float(row["strength_3"]) for row in spoiled])
    assert metrics["corruptions"]["loss"][2] == pytest.approx(third, abs=2e-4)
    assert 0 <= metrics["doubt_auroc"] <= 1
    out = capsys.readouterr().out
    assert "accuracy on n = 6, by FER+'s official majority rule" in out
    assert "temperature was never fitted" in out
    assert "low_resolution: " in out


def _sorted(flags: list[str]) -> list[str]:
    """Flags in the order of the options, as the command is recorded."""
    order = ["--data_dir", "--engine", "--output_dir"]
    return [part for name in order for part in (name, flags[flags.index(name) + 1])]


def test_copies_are_counted_and_left_out(
    data: Path, tiny_engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = evaluate(_options(data, tmp_path, engine=str(tiny_engine), skip_copies=False))
    copies = metrics["copies"]
    assert (copies["exact"], copies["near"], copies["n_without"]) == (4, 0, 2)
    rows = _rows(tmp_path / "copies.csv")
    assert [(row["row"], row["train_row"], row["kind"]) for row in rows] == [
        (str(i), str(i), "exact") for i in range(4)
    ]
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith("warning: ")]
    assert "4 of 7 faces also stand in ferplus/train: 4 exact and 0 near copies" in line
    assert line.endswith("(n = 2)")


def test_a_part_of_the_split_keeps_its_rows(data: Path, tiny_engine: Path, tmp_path: Path) -> None:
    metrics = evaluate(
        _options(data, tmp_path, engine=str(tiny_engine), skip_copies=False, limit=3)
    )
    # Rows 0, 3 and 6 of the split.
    assert metrics["data"]["n"] == 3
    assert [row["row"] for row in _rows(tmp_path / "copies.csv")] == ["0", "3"]
    assert any("--limit 3" in note for note in metrics["notes"])


def test_uncertainty_about_backgrounds_is_measured_and_shown(
    data: Path, tiny_engine: Path, tmp_path: Path
) -> None:
    assets = str(REPO / "runtime" / "assets")
    metrics = evaluate(_options(data, tmp_path, engine=str(tiny_engine), backgrounds=[assets]))
    found = metrics["not_faces"]
    assert found["n"] > 0
    assert all(0 <= found[name] <= 1 for name in ("auroc", "uncertain", "uncertain_faces"))
    assert f"--backgrounds {assets}" in metrics["command"]
    assert "AUROC, no face" in (tmp_path / "report.html").read_text()


def test_no_training_split_is_said_and_old_files_go(
    tiny_engine: Path, tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    write_ferplus(tmp_path, "valid", VOTES)
    out = tmp_path / "out"
    out.mkdir()
    for name in ("copies.csv", "corruptions.png", "mine.txt"):
        (out / name).touch()
    metrics = evaluate(_options(tmp_path, out, engine=str(tiny_engine), skip_copies=False))
    assert metrics["copies"] is None
    assert any("copies of training faces: not checked" in note for note in metrics["notes"])
    assert {p.name for p in out.iterdir()} == ALWAYS | {"mine.txt"}


def test_a_checkpoint_and_its_export_get_the_same_figures(data: Path, tmp_path: Path) -> None:
    from export.graph.to_onnx import to_onnx, write_artifact

    path = tmp_path / "best.safetensors"
    manifest = Manifest(preprocess=Preprocess(size=32))
    net = _checkpoint(path)
    write_artifact(to_onnx(net, 32), manifest, tmp_path / "best.onnx")
    models = ({"checkpoint_path": str(path)}, {"engine": str(tmp_path / "best.onnx")})
    one, other = (
        evaluate(_options(data, tmp_path / "out", skip_corruptions=False, **model))
        for model in models
    )
    for key in ("data", "accuracy", "macro_f1", "confusion", "per_class", "corruptions"):
        assert one[key] == other[key]
    assert one["calibration"]["after"] == pytest.approx(other["calibration"]["after"], abs=2e-4)


def test_temperature_before_and_after(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    fitted = {"calibration": {"data": "ferplus/valid"}, "valid": {"data": "ferplus/valid"}}
    _checkpoint(path, temperature=4.0, metrics=fitted)
    metrics = evaluate(_options(data, tmp_path / "out", checkpoint_path=str(path)))
    before, after = metrics["calibration"]["before"], metrics["calibration"]["after"]
    assert (before["temperature"], after["temperature"]) == (1.0, 4.0)
    assert before["nll"] != after["nll"]
    notes = " ".join(metrics["notes"])
    assert "the temperature 4 was fitted on ferplus/valid itself" in notes
    assert "training chose its best epoch on ferplus/valid" in notes


def test_a_model_without_a_label_of_the_set(
    data: Path, tmp_path: Path, make_onnx: Callable[..., Path]
) -> None:
    model = make_onnx(manifest=replace(TINY, labels=EMOTIONS[:7]), classes=7)
    metrics = evaluate(_options(data, tmp_path / "out", engine=str(model)))
    assert metrics["data"]["n_majority"] == 5
    # Nor do the other votes on such a face count, as if they were the truth.
    assert metrics["data"]["n"] == 6
    (note,) = [n for n in metrics["notes"] if "can't say" in n]
    assert "contempt: 1 of the split's 7 faces have such a label and are left out" in note


def test_a_folder_whose_name_is_no_text(data: Path, tiny_engine: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.symlink_to(data)
    metrics = evaluate(_options(folder, tmp_path / "out", engine=str(tiny_engine)))
    assert metrics["data"]["folder"] == str(folder)
    assert "caf" in (tmp_path / "out" / "report.html").read_text()


def test_a_set_without_a_label_of_the_model(tiny_engine: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # A name that must not become markup.
    data = tmp_path / "<script>faces"
    for name in ("neutral", "happiness"):
        (data / "valid" / name).mkdir(parents=True)
        for i in range(3):
            cv2.imwrite(str(data / "valid" / name / f"{i}.png"), rng.integers(0, 256, (40, 30, 3)))
    out = tmp_path / "out"
    metrics = evaluate(
        _options(data, out, engine=str(tiny_engine), dataset="folder", skip_corruptions=False)
    )
    assert metrics["data"]["n_majority"] == 6
    assert len(metrics["confusion"]) == 8
    assert metrics["calibration"]["after"]["kl"] is None
    assert any("such a guess counts as wrong" in note for note in metrics["notes"])
    page = (out / "report.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;faces" in page


def test_endless_logits_are_refused(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    net = _checkpoint(path)
    net.head.bias.data[0] = float("nan")
    manifest = Manifest(preprocess=Preprocess(size=32), model=net.describe())
    save_checkpoint(path, net.state_dict(), manifest)
    with pytest.raises(UserError, match=r"best\.safetensors.*not finite \(ferplus/valid\)"):
        evaluate(_options(data, tmp_path / "out", checkpoint_path=str(path)))
    assert not (tmp_path / "out").exists()


def test_no_majority_at_all(
    tiny_engine: Path, tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    write_ferplus(tmp_path, "valid", [[5, 5] + [0] * 8] * 4)
    with pytest.raises(UserError, match="no face has a majority label"):
        evaluate(_options(tmp_path, tmp_path / "out", engine=str(tiny_engine)))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--data_dir .", "give either --checkpoint_path or --engine"),
        ("--data_dir . --engine default --checkpoint_path a.safetensors", "give either"),
        ("--engine default", "--data_dir is required"),
        ("--data_dir . --checkpoint_path last.ckpt", "must be a .safetensors file"),
        ("--data_dir . --checkpoint_path none.safetensors", "no such checkpoint"),
        ("--data_dir . --engine none.onnx", "none.onnx: no such file"),
        ("--data_dir /nowhere --engine default", "--data_dir /nowhere: no such folder"),
        ("--data_dir . --engine default --split train", "invalid choice: 'train'"),
        ("--data_dir . --engine default --limit -1", "--limit must be 0 or more"),
        ("--data_dir . --engine default --output_dir /dev/null", "--output_dir /dev/null"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    flags: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run_command(main, flags.split()) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys; sys.modules.update(torch=None, sklearn=None, matplotlib=None, scipy=None); "
        "import train.evaluate.command as m; m.main(['--help'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert all(f"--{name}" in result.stdout for name in EvaluateOptions.__dataclass_fields__)


def _options(data: Path, out: Path, **changes: object) -> EvaluateOptions:
    quick = {"skip_corruptions": True, "skip_copies": True, "threads": 1}
    return EvaluateOptions(data_dir=str(data), output_dir=str(out), **{**quick, **changes})  # type: ignore[arg-type]
