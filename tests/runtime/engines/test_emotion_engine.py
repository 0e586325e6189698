"""An engine holds its network to the manifest."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from runtime.engines.factory import open_engine
from runtime.errors import EngineError, ManifestError
from runtime.manifest import EMOTIONS
from tests.conftest import TINY, with_preprocess


def batch(n: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, 3, size, size)).astype(np.float32)


def test_logits_of_any_batch_belong_to_the_caller(tiny_engine):
    engine = open_engine(tiny_engine)
    assert engine.manifest.labels == EMOTIONS
    first = engine.infer(batch(5))["logits"]
    kept = first.copy()
    engine.infer(batch(7))
    assert first.shape == (5, 8)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_allclose(engine.infer(batch(5)[2:3])["logits"], first[2:3], rtol=1e-5)
    assert engine.infer(batch(0))["logits"].shape == (0, 8)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(batch(1))


@pytest.mark.parametrize(
    "wrong",
    [
        batch(1, 33),
        batch(1).astype(np.float64),
        batch(1)[0],
        np.zeros((1, 1, 32, 32), np.float32),
    ],
)
def test_wrong_batches_are_refused(tiny_engine, wrong):
    with pytest.raises(EngineError, match="batch must be"):
        open_engine(tiny_engine).infer(wrong)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_make_no_probabilities_are_an_error(make_onnx, value):
    import onnx

    path = make_onnx(manifest=None, metadata=TINY.to_json())
    model = onnx.load(path)
    (bias,) = [i for i in model.graph.initializer if i.name == "b"]
    bias.raw_data = np.full(8, value, np.float32).tobytes()
    onnx.save(model, path)
    engine = open_engine(path)
    with pytest.raises(EngineError, match="isn't a finite number"):
        engine.infer(batch(3))


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("STRING", b"abc", "gave .* not floating-point"),
        ("INT64", 1, "gave int64"),
        ("DOUBLE", 1e300, "finite"),
    ],
)
def test_logits_of_another_type_are_an_error_without_a_warning(make_onnx, kind, value, reason):
    import onnx
    from onnx import TensorProto, helper

    path = make_onnx(manifest=None, metadata=TINY.to_json())
    model = onnx.load(path)
    number = getattr(TensorProto, kind)
    model.graph.initializer.append(helper.make_tensor("row", number, [8], [value] * 8))
    model.graph.node[-1].output[0] = "sound"
    model.graph.node.append(helper.make_node("Shape", ["sound"], ["shape"]))
    model.graph.node.append(helper.make_node("Expand", ["row", "shape"], ["logits"]))
    model.graph.output[0].type.tensor_type.elem_type = number
    onnx.save(model, path)
    engine = open_engine(path)
    with pytest.raises(EngineError, match=reason), warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.infer(batch(3))


def test_another_shape_than_the_model_said_is_an_error(make_onnx):
    import onnx
    from onnx import helper

    path = make_onnx(manifest=None, metadata=TINY.to_json())
    model = onnx.load(path)
    model.graph.node[-1].output[0] = "row"
    model.graph.node.append(helper.make_node("Concat", ["row", "row"], ["logits"], axis=0))
    onnx.save(model, path)
    with pytest.raises(EngineError, match=r"gave \(6, 8\) and not \(3, 8\)"):
        open_engine(path).infer(batch(3))


def test_manifest_of_another_input_shape(make_onnx):
    path = make_onnx(manifest=with_preprocess(TINY, size=64), size=32)
    with pytest.raises(ManifestError, match=r"takes \(N, 3, 32, 32\)"):
        open_engine(path)


def test_manifest_of_another_label_set(make_onnx):
    path = make_onnx(manifest=replace(TINY, labels=EMOTIONS[:7]), classes=8)
    with pytest.raises(ManifestError, match="7 labels"):
        open_engine(path)


def test_a_fixed_batch_is_refused(make_onnx):
    import onnx

    path = make_onnx(manifest=None, metadata=TINY.to_json())
    model = onnx.load(path)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, path)
    with pytest.raises(ManifestError, match="dynamic batch"):
        open_engine(path)
