"""Fixtures that every package's tests share."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

from runtime.engines.sidecar import write_sidecar
from runtime.manifest import METADATA_KEY, Manifest, Preprocess
from runtime.sources.demo_scene import demo_faces

# Ctrl-C and SIGHUP work in the tests and in what they start, also where our parent has us ignore
# them, as `nohup`, a shell's background jobs and some CI runners do.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Speed is nothing that a test may fail by.
settings.register_profile("plain", deadline=None)
settings.load_profile("plain")

REPO = Path(__file__).resolve().parents[1]
SHARED = REPO.parent / "shared" / "data"
PORTRAIT = REPO / "runtime" / "assets" / "astronaut.jpg"

TINY = Manifest(preprocess=Preprocess(size=32))


def write_tiny_onnx(
    path: Path,
    manifest: Manifest | None = TINY,
    size: int = 32,
    classes: int = 8,
    metadata: str | None = None,
) -> Path:
    """A real, small network: mean colour -> linear layer -> logits."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = numpy_helper.from_array(rng.normal(size=(3, classes)).astype(np.float32), "w")
    bias = numpy_helper.from_array(np.linspace(0, 1, classes, dtype=np.float32), "b")
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["input"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("Gemm", ["flat", "w", "b"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
        [weights, bias],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    text = metadata if metadata is not None else (manifest.to_json() if manifest else None)
    if text is not None:
        helper.set_model_props(model, {METADATA_KEY: text})
    onnx.save(model, path)
    if manifest is not None and metadata is None:
        write_sidecar(manifest, path)
    return path


@pytest.fixture(scope="session")
def tiny_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small emotion model with a sound manifest."""
    return write_tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture
def make_onnx(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small model with a manifest of one's own."""

    def make(name: str = "model.onnx", **kwargs: object) -> Path:
        return write_tiny_onnx(tmp_path / name, **kwargs)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """(512, 512, 3) BGR picture of one real face."""
    image = cv2.imread(str(PORTRAIT))
    assert image is not None
    return image


@pytest.fixture(scope="session")
def face() -> np.ndarray:
    """A real face, cropped."""
    return demo_faces()[0]


@pytest.fixture
def ferplus_dir() -> Path:
    """FER+ in its sheet form, where this machine has it."""
    folder = SHARED / "ferplus"
    if not folder.is_dir():
        pytest.skip("FER+ is not here (../shared/data/ferplus)")
    return folder


@pytest.fixture
def clips_dir() -> Path:
    """Clips of real people, where this machine has them."""
    folder = SHARED / "clips"
    if not folder.is_dir():
        pytest.skip("the clips are not here (../shared/data/clips)")
    return folder


def write_video(
    path: Path, frames: list[np.ndarray], fps: float = 25.0, codec: str = "mp4v"
) -> Path:
    """A video file of frames of one size."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory, portrait: np.ndarray) -> Path:
    """A video of 40 frames in which a real face moves a little."""
    view = cv2.resize(portrait, (320, 320))
    frames = [np.roll(view, i, axis=1) for i in range(40)]
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames)


def read_back(path: Path) -> list[np.ndarray]:
    """Every frame that a video file gives."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        good, frame = capture.read()
        if not good:
            return frames
        frames.append(frame)


def with_preprocess(manifest: Manifest, **changes: object) -> Manifest:
    """The manifest with other preprocessing."""
    return replace(manifest, preprocess=replace(manifest.preprocess, **changes))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def real_faces_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder data set of real faces, each varied: 80 to train on and 16 to validate with."""
    from train.data.augmentation import Augment, AugmentOptions

    root = tmp_path_factory.mktemp("real_faces")
    faces, rng = demo_faces(), np.random.default_rng(0)
    augment = Augment(AugmentOptions())
    for split, count in (("train", 40), ("valid", 8)):
        for label in ("neutral", "happiness"):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                varied = augment(faces[i % len(faces)], rng)
                cv2.imwrite(str(folder / f"{i}.png"), varied)
    return root


@pytest.fixture(scope="session")
def small_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported FP32 model with convolutions, attention and a BiLSTM, untrained."""
    import torch

    from export.graph.to_onnx import to_onnx, write_artifact
    from train.models.emotion_net import EmotionNet, ModelOptions

    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = EmotionNet(ModelOptions("test_resnet", "full", lstm_hidden=8, lstm_layers=1), 8).eval()
    path = tmp_path_factory.mktemp("small_onnx") / "emotion.onnx"
    write_artifact(to_onnx(net, 32), TINY, path)
    return path
