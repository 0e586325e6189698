"""Windows of a track's last moments, the head's file, and its place in the recognizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from runtime.emotion.classifier import Classifier
from runtime.emotion.temporal import KIND, History, TrackHistories, choose_head, open_head
from runtime.engines.catalogue import SHIPPED, SHIPPED_HEAD
from runtime.engines.factory import open_engine, read_manifest
from runtime.errors import EngineError, ManifestError, UserError
from runtime.manifest import EMOTIONS, METADATA_KEY, Manifest, file_hash
from runtime.messages import Face, Frame, Track, TrackedFrame
from runtime.pipeline.pipeline import Pipeline
from runtime.pipeline.recognition import RecognitionStage
from runtime.support.cli import run_command
from runtime.vision.picture import Picture
from runtime.webcam import main as webcam
from tests.conftest import TINY

STEPS = 6
SPEC = Manifest(model={"kind": KIND, "steps": STEPS, "window_s": 1.0})


def write_head(path: Path, manifest: Manifest | None = SPEC, steps: int = STEPS) -> Path:
    """A head that takes the mean of the window: what EMA does, without its weights."""
    count = len(manifest.labels) if manifest else 8
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["input", "axis"], ["sum"], keepdims=0),
            helper.make_node("ReduceSum", ["input", "axes"], ["all"], keepdims=1),
            helper.make_node("Squeeze", ["all", "axis"], ["total"]),
            helper.make_node("Div", ["sum", "total"], ["mean"]),
            helper.make_node("Log", ["mean"], ["logits"]),
        ],
        "head",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", steps, count])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", count])],
        [
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    if manifest is not None:
        helper.set_model_props(model, {METADATA_KEY: manifest.to_json()})
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def head_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_head(tmp_path_factory.mktemp("head") / "head.onnx")


def _rows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(8), count)


@settings(deadline=None)
@given(
    st.lists(st.floats(-0.5, 3, allow_subnormal=False), min_size=1, max_size=60),
    st.integers(2, 20),
    st.floats(0.1, 3),
)
@example([0.0, 0.0, 1e-12, 1e-12], 2, 0.1)
@example([0.001] * 60, 4, 1.0)
def test_whatever_the_times_a_window_is_of_probabilities(
    gaps: list[float], steps: int, window_s: float
) -> None:
    history, now = History(steps, window_s), 100.0
    for gap, row in zip(gaps, _rows(len(gaps)), strict=True):
        now += gap
        history.push(now, row)
        window = history.window()
        assert window.shape == (steps, 8)
        assert window.dtype == np.float32
        sums = window.sum(1)
        there = sums > 0.5
        assert np.allclose(sums, there, atol=1e-5)
        assert not np.diff(there.astype(int)).min(initial=0) < 0, "zeros come first, or not at all"
        assert np.allclose(window[-1], row, atol=1e-6), "it ends at the newest observation"
        assert len(history) <= 4 * steps + 3, "a fast camera must not fill the memory"


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 0.15), min_size=12, max_size=80), st.integers(2, 16))
def test_a_straight_change_is_the_same_at_any_rate(gaps: list[float], steps: int) -> None:
    times = np.cumsum(gaps)
    history = History(steps, 1.0)
    for time_s in times:
        history.push(time_s, np.array([1 - time_s / 20, time_s / 20]))
    points = times[-1] + np.arange(1 - steps, 1) / steps
    wanted = np.where(points < times[0] - 1e-9, 0, points / 20)
    near = np.abs(points - times[0]) < 1e-6
    assert np.allclose(history.window()[~near, 1], wanted[~near], atol=1e-6)


@pytest.mark.parametrize("later", [1.01, 50.0, -0.1])
def test_after_a_gap_or_back_in_time_nothing_is_left(later: float) -> None:
    history, (old, new) = History(STEPS, 1.0), _rows(2)
    for i in range(10):
        history.push(i / 10, old)
    assert (history.window().sum(1) > 0).all()
    history.push(0.9 + later, new)
    assert len(history) == 1
    assert np.allclose(history.window(), np.vstack([np.zeros((STEPS - 1, 8)), new]))


def test_no_observation_has_no_window() -> None:
    with pytest.raises(ValueError, match="no observation"):
        History(STEPS, 1.0).window()


def test_tracks_have_memories_of_their_own_and_are_forgotten(head_file: Path) -> None:
    histories = TrackHistories(open_head(head_file))
    one, two = _rows(2)
    histories.push(1, one, 0.0)
    histories.push(2, two, 0.0)
    assert np.allclose(histories.push(1, one, 0.9)[0], one)
    assert np.allclose(histories.push(2, two, 0.9)[0], two)
    histories.forget(1.95, {2})
    assert set(histories._tracks) == {2}


def test_probabilities_of_windows_at_any_batch(head_file: Path) -> None:
    head = open_head(head_file)
    windows = _rows(5 * STEPS).reshape(5, STEPS, 8).astype(np.float32)
    found = head.read(windows)
    assert np.allclose(found, windows.mean(1), atol=1e-6)
    assert np.allclose(found, np.concatenate([head.read(w[None]) for w in windows]), atol=1e-6)
    assert head.read(windows[:0]).shape == (0, 8)
    head.close()
    head.close()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: write_head(p, None), "no manifest"),
        (lambda p: write_head(p, Manifest()), "not a temporal head"),
        (lambda p: write_head(p, replace(SPEC, model={"kind": KIND})), "malformed"),
        (lambda p: write_head(p, steps=STEPS + 1), "contradicts its manifest"),
        *(
            (
                lambda p, m=model: write_head(p, replace(SPEC, model={"kind": KIND, **m})),
                "malformed",
            )
            for model in (
                {"steps": 10**9, "window_s": 1.0},
                {"steps": 1e9, "window_s": 1.0},
                {"steps": "12", "window_s": 1.0},
                {"steps": True, "window_s": 1.0},
                {"steps": 0, "window_s": 1.0},
                {"steps": STEPS, "window_s": 0},
                {"steps": STEPS, "window_s": 1e300},
                {"steps": STEPS, "window_s": [1]},
            )
        ),
        (lambda p: p.write_bytes(b"x"), "not a sound ONNX"),
    ],
)
def test_what_is_no_head_is_refused(
    write: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    write(tmp_path / "head.onnx")
    with pytest.raises((ManifestError, EngineError), match=message):
        open_head(tmp_path / "head.onnx")


def test_a_head_of_other_labels_and_other_mistakes_are_one_line(
    tmp_path: Path, tiny_engine: Path, head_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_head(tmp_path / "seven.onnx", replace(SPEC, labels=EMOTIONS[:-1]))
    heads = {
        str(other): "the engine has",
        str(tiny_engine): "not a temporal head",
        "none.onnx": "no such file",
        "head.safetensors": "export.temporal",
    }
    flags = ["--source", "demo", "--headless", "--engine"]
    for file, message in heads.items():
        assert run_command(webcam, [*flags, str(tiny_engine), "--temporal_head", file]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert len(error.splitlines()) == 1
    # The other way round.
    assert run_command(webcam, [*flags, str(head_file)]) == 2
    assert "error: " in capsys.readouterr().err


def _frame(ids: list[int], time_s: float, shade: int) -> TrackedFrame:
    image = np.full((48, 400, 3), (shade, 255 - shade, 90), np.uint8)
    tracks = tuple(Track(i, Face((20.0 * i, 5, 20.0 * i + 18, 25), 0.9), True) for i in ids)
    return TrackedFrame(Frame(Picture(image), time_s, index=round(time_s * 30)), tracks)


def test_the_head_takes_the_place_of_the_average(tiny_engine: Path, head_file: Path) -> None:
    classifier = Classifier(open_engine(tiny_engine))
    frames = [_frame([1, 2], i / 5, 25 * i) for i in range(8)]
    one_by_one = RecognitionStage(classifier, 1, 0.25, open_head(head_file))
    together = RecognitionStage(classifier, 1, 0.25, open_head(head_file))
    wanted = [one_by_one.recognize([frame])[0] for frame in frames]
    assert together.recognize(frames) == wanted, "a batch of frames changes nothing"
    crop = [np.asarray(frame.frame.picture.bgr()[5:23, 20:38]) for frame in frames]
    history = History(STEPS, 1.0)
    for frame, row, faces in zip(frames, classifier.classify(crop), wanted, strict=True):
        history.push(frame.frame.time_s, row)
        window = history.window()
        mean = window.sum(0) / window.sum()
        assert np.allclose(list(faces[0].probabilities.values()), mean, atol=1e-5)
        assert [face.track for face in faces] == [1, 2]


def test_the_demo_runs_with_a_head(tiny_engine: Path, head_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    flags = ["--source", "demo", "--headless", "--max_frames", "5", "--output_json", str(out)]
    engine = ["--engine", str(tiny_engine), "--temporal_head", str(head_file)]
    assert webcam([*flags, *engine]) == 0
    assert len(out.read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("name", "smoothing_s", "used"),
    [("auto", None, True), ("auto", 0.5, False), ("none", None, False), ("default", None, True)],
)
@pytest.mark.parametrize("model", SHIPPED)
def test_the_shipped_head_goes_with_the_shipped_models(
    name: str, smoothing_s: float | None, used: bool, model: str
) -> None:
    manifest = read_manifest(model)
    head = choose_head(name, manifest, smoothing_s)
    assert (head is not None) == used
    if head is not None:
        head.check(manifest.labels)
        head.close()


def test_a_copy_another_precision_and_a_plan_keep_the_head(
    tmp_path: Path, gpu: SimpleNamespace, make_plan: Callable[..., Path]
) -> None:
    copy = tmp_path / "renamed.onnx"
    copy.write_bytes(SHIPPED["main"].read_bytes())
    manifest = read_manifest(copy)
    half = replace(manifest, precision="fp16", proof={}, tools={})
    plan = make_plan("any.plan", manifest=replace(manifest, outputs={}))
    for engine in (manifest, half, open_engine(plan).manifest):
        head = choose_head("auto", engine)
        assert head is not None
        head.close()


def test_an_engine_that_names_the_heads_checkpoint_has_the_head() -> None:
    head = open_head(SHIPPED_HEAD)
    head.close()
    checkpoint = head.manifest.metrics["model"]["sha256"]
    assert checkpoint == file_hash(SHIPPED["main"].with_suffix(".safetensors"))
    named = replace(TINY, provenance={"checkpoint": checkpoint, "file": "emotion.safetensors"})
    chosen = choose_head("auto", named)
    assert chosen is not None
    chosen.close()


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.7},
        {"metrics": {}},
        {"model": {"backbone": "test_resnet"}},
        {"provenance": {"checkpoint": "0" * 64}},
    ],
)
def test_a_model_of_ones_own_is_averaged(change: dict[str, Any]) -> None:
    assert choose_head("auto", TINY) is None
    # As artifacts were before they named their checkpoint: known by what training wrote.
    older = replace(read_manifest("main"), provenance={})
    head = choose_head("auto", older)
    assert head is not None
    head.close()
    assert choose_head("auto", replace(older, **change)) is None


@pytest.mark.parametrize("spec", ["main", SHIPPED["main"], str(SHIPPED["main"])])
def test_the_pipeline_has_the_head_however_the_model_is_named(
    spec: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.pipeline import parts

    chosen = []

    def spy(*arguments: Any) -> Any:
        chosen.append(choose_head(*arguments))
        return chosen[-1]

    monkeypatch.setattr(parts, "choose_head", spy)
    engine = open_engine(spec)
    for model in (spec, engine):
        Pipeline("demo", model).close()
    engine.close()
    assert len(chosen) == 2
    assert None not in chosen


def test_a_head_and_an_average_are_refused() -> None:
    with pytest.raises(UserError, match="--smoothing_s and --temporal_head do the same"):
        choose_head("default", TINY, 0.25)
    with pytest.raises(UserError, match="choose one"):
        Pipeline("demo", temporal_head=SHIPPED_HEAD, smoothing_s=0.25)
