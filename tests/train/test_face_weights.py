"""The package's folded network, computed plainly, against timm's with its norms."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file
from torch.nn import functional

from runtime.errors import UserError
from train.face_weights import _MEANS, BACKBONE, FaceWeightsOptions, convert, read_tfjs
from train.models.emotion_net import EmotionNet, ModelOptions
from train.models.pretrained import load_weights

WIDTHS = (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)
STRIDES = (1, 2, 1, 2, 1, 2, *[1] * 5, 2, 1)


def _write_tfjs(folder: Path) -> Path:
    """A random MobileNet as the package has it: half precision, norms folded."""
    rng = np.random.default_rng(0)
    arrays = {
        "conv1/convolution/merged_input": rng.normal(0, 0.005, (3, 3, 3, 32)),
        "conv1_bn/batchnorm_1/sub": rng.normal(1, 0.3, 32),
        "conv1_relu/Const_1": np.array(6.0),
    }
    for n, (i, o) in enumerate(pairwise(WIDTHS), 1):
        arrays[f"conv_dw_{n}/depthwise_kernel"] = rng.normal(0, 0.3, (3, 3, i, 1))
        arrays[f"conv_dw_{n}_bn/batchnorm_1/mul"] = rng.normal(1, 0.2, i)
        arrays[f"conv_dw_{n}_bn/batchnorm_1/sub"] = rng.normal(0.3, 0.3, i)
        arrays[f"conv_pw_{n}/convolution/merged_input"] = rng.normal(0, i**-0.5, (1, 1, i, o))
        arrays[f"conv_pw_{n}_bn/batchnorm_1/sub"] = rng.normal(0.3, 0.3, o)
    half = {"dtype": "float16", "original_dtype": "float32"}
    entries = [
        {"name": k, "shape": list(v.shape), "dtype": "float32", "quantization": half}
        for k, v in arrays.items()
    ]
    entries.append({"name": "axes", "shape": [2], "dtype": "int32"})
    data = b"".join(v.astype("<f2").tobytes() for v in arrays.values())
    (folder / "faceres.bin").write_bytes(data + np.array([1, 2], "<i4").tobytes())
    path = folder / "faceres.json"
    path.write_text(
        json.dumps({"weightsManifest": [{"paths": ["faceres.bin"], "weights": entries}]})
    )
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write_tfjs(tmp_path_factory.mktemp("package"))


@pytest.fixture
def options(source: Path, tmp_path: Path, write_ferplus) -> FaceWeightsOptions:
    rng = np.random.default_rng(1)
    write_ferplus(tmp_path, "train", rng.integers(0, 5, (24, 10)).tolist())
    sheet = tmp_path / "ferplus_train_00.png"
    cv2.imwrite(str(sheet), rng.integers(0, 256, (6 * 48, 4 * 48)).astype(np.uint8))
    output = tmp_path / "faceres.safetensors"
    return FaceWeightsOptions(
        str(source), str(tmp_path), image_size=64, faces=24, output=str(output)
    )


def _plain(source: Path, bytes_: torch.Tensor) -> torch.Tensor:
    """The folded network on bytes (N, 3, S, S), with timm's symmetric padding."""
    a = {k: torch.from_numpy(v) for k, v in read_tfjs(source).items()}
    means = torch.tensor(_MEANS)[:, None, None]
    kernel = a["conv1/convolution/merged_input"].permute(3, 2, 0, 1)
    # What timm pads with, zero, is the byte 127.5.
    padded = functional.pad(bytes_, (1, 1, 1, 1), value=127.5)
    x = functional.conv2d(padded - means, kernel, stride=2)
    x = (x + a["conv1_bn/batchnorm_1/sub"][:, None, None]).clip(0, 6)
    for n, stride in enumerate(STRIDES, 1):
        kernel = a[f"conv_dw_{n}/depthwise_kernel"].permute(2, 3, 0, 1)
        x = functional.conv2d(x, kernel, stride=stride, padding=1, groups=len(kernel))
        x = x * a[f"conv_dw_{n}_bn/batchnorm_1/mul"][:, None, None]
        x = (x + a[f"conv_dw_{n}_bn/batchnorm_1/sub"][:, None, None]).clip(0, 6)
        kernel = a[f"conv_pw_{n}/convolution/merged_input"].permute(3, 2, 0, 1)
        x = functional.conv2d(x, kernel)
        x = (x + a[f"conv_pw_{n}_bn/batchnorm_1/sub"][:, None, None]).clip(0, 6)
    return x


def test_computes_what_the_package_computes(source: Path, options: FaceWeightsOptions) -> None:
    convert(options)
    net = timm.create_model(BACKBONE, features_only=True, out_indices=(-1,))
    load_weights(net, Path(options.output), "--backbone_weights")
    pixels = torch.rand(2, 1, 64, 64).expand(2, 3, 64, 64)
    with torch.no_grad():
        found = net.eval()(2 * pixels - 1)[0]
    expected = _plain(source, 255 * pixels)
    assert found.std() > 0.1
    assert torch.allclose(found, expected, atol=2e-3)


def test_norms_do_the_same_in_training(options: FaceWeightsOptions) -> None:
    """With the faces they were measured on, batch statistics change nothing."""
    import runtime.vision.preprocess as preprocess
    from runtime.manifest import Preprocess
    from train.datasets.catalogue import load_faces

    convert(options)
    faces = load_faces(Path(options.data_dir), "ferplus", "train")
    spec = Preprocess(size=64, color="gray", detail=faces.detail)
    inputs = torch.from_numpy(np.stack([preprocess.face_to_input(f, spec) for f in faces.images]))
    net = timm.create_model(BACKBONE, features_only=True, out_indices=(-1,))
    load_weights(net, Path(options.output), "--backbone_weights")
    with torch.no_grad():
        still = net.eval()(inputs)[0]
        learning = net.train()(inputs)[0]
    assert torch.allclose(still, learning, atol=1e-2)


def test_another_backbones_file_is_refused(options: FaceWeightsOptions, tmp_path: Path) -> None:
    convert(options)
    assert set(load_file(options.output)) == set(
        timm.create_model(BACKBONE, features_only=True, out_indices=(-1,)).state_dict()
    )
    net = EmotionNet(ModelOptions("test_resnet", "baseline"), 8)
    with pytest.raises(UserError, match="of another network than the options ask for"):
        load_weights(net.backbone, Path(options.output), "--backbone_weights")
    with pytest.raises(UserError, match="no such file"):
        load_weights(net.backbone, tmp_path / "none.safetensors", "--backbone_weights")
    (tmp_path / "junk").write_bytes(b"junk" * 100)
    with pytest.raises(UserError, match="not safetensors"):
        load_weights(net.backbone, tmp_path / "junk", "--backbone_weights")


@pytest.mark.parametrize("damage", ["missing", "short", "text", "other"])
def test_a_damaged_source_is_one_line(
    damage: str, source: Path, options: FaceWeightsOptions, tmp_path: Path
) -> None:
    copy = tmp_path / "faceres.json"
    copy.write_bytes(source.read_bytes())
    data = source.with_suffix(".bin").read_bytes()
    if damage != "missing":
        copy.with_suffix(".bin").write_bytes(data[: 1000 if damage == "short" else None])
    if damage == "text":
        copy.write_text("[1]")
    if damage == "other":
        copy.write_text(copy.read_text().replace("conv_dw_7/", "conv_dw_77/"))
    options.source = str(copy)
    reason = "not the faceres network" if damage == "other" else "can't be read as a TensorFlow.js"
    with pytest.raises(UserError, match=reason):
        convert(options)
    assert not Path(options.output).exists()
