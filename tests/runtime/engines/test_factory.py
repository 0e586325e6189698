import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from runtime.emotion.classifier import Classifier, softmax
from runtime.engines.catalogue import SHIPPED, model_path
from runtime.engines.factory import open_engine, open_network, read_manifest
from runtime.engines.providers import PROVIDERS
from runtime.engines.sidecar import write_sidecar
from runtime.errors import EngineError, ManifestError
from runtime.manifest import EMOTIONS, Manifest
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


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("empty.onnx", b"", "empty"),
        ("text.onnx", b"this is not a model", "not a sound ONNX"),
        ("w.safetensors", b"x", "python -m export --checkpoint"),
        ("w.ckpt", b"x", "python -m export"),
        ("w.plan", b"x", "plan"),
        ("w.tflite", b"x", "must be an .onnx"),
    ],
)
def test_other_files_are_refused_in_a_line(tmp_path, name, content, word):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(EngineError, match=word) as error:
        open_engine(path)
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(EngineError, match="no such file"):
        open_engine(tmp_path / "nope.onnx")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_model_cut_short_is_refused(tiny_engine, tmp_path, part):
    data = tiny_engine.read_bytes()
    path = tmp_path / "short.onnx"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises((EngineError, ManifestError)):
        open_engine(path)


def test_no_manifest(make_onnx):
    with pytest.raises(ManifestError, match="no manifest"):
        open_engine(make_onnx(manifest=None))


def test_broken_manifest(make_onnx):
    with pytest.raises(ManifestError, match="not JSON"):
        open_engine(make_onnx(metadata="{"))


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


def test_names_that_are_no_text_are_an_error(make_onnx):
    path = make_onnx(manifest=None, metadata=TINY.to_json())
    path.write_bytes(path.read_bytes().replace(b"input", b"inp\xfft"))
    with pytest.raises(EngineError, match="onnx: ") as error:
        open_engine(path)
    assert "\n" not in str(error.value)


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


def test_threads_out_of_range(tiny_engine):
    with pytest.raises(EngineError, match="--threads"):
        open_engine(tiny_engine, threads=100_000)


def test_sidecar_that_contradicts_the_model(make_onnx):
    path = make_onnx()
    write_sidecar(replace(TINY, temperature=2.0), path)
    with pytest.raises(ManifestError, match="contradicts"):
        open_engine(path)


def test_sidecar_of_another_file(make_onnx):
    path = make_onnx()
    sidecar = path.with_suffix(".json")
    sidecar.write_text(sidecar.read_text().replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(ManifestError, match="another file"):
        open_engine(path)


@pytest.mark.parametrize(
    ("provider", "package"),
    [
        ("cuda", "onnxruntime-gpu"),
        ("tensorrt", "onnxruntime-gpu"),
        ("openvino", "onnxruntime-openvino"),
    ],
)
def test_unavailable_provider_is_an_error_not_a_fallback(tiny_engine, provider, package):
    if PROVIDERS[provider].execution in onnxruntime.get_available_providers():
        pytest.skip(f"this ONNX Runtime has {provider}")
    with pytest.raises(EngineError, match=f"install {package} in place") as error:
        open_network(tiny_engine, provider)
    assert "\n" not in str(error.value)


def test_unknown_provider(tiny_engine):
    with pytest.raises(EngineError, match="must be one of cpu, cuda, tensorrt, openvino"):
        open_network(tiny_engine, "tpu")


@pytest.fixture
def listed(monkeypatch):
    """An ONNX Runtime that lists every provider, as its GPU package does, loadable or not."""
    names = [provider.execution for provider in PROVIDERS.values()]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    return monkeypatch


@pytest.mark.parametrize("provider", ["cuda", "tensorrt", "openvino"])
def test_a_provider_that_is_listed_but_left_out_is_an_error(tiny_engine, listed, provider):
    real = onnxruntime.InferenceSession

    def session(path, options, providers, **kwargs):
        return real(path, options, providers=["CPUExecutionProvider"])

    listed.setattr(onnxruntime, "InferenceSession", session)
    with pytest.raises(EngineError, match="could not be loaded; .* needs .* instead$") as error:
        open_network(tiny_engine, provider)
    assert f"--provider {provider}" in str(error.value)
    assert "would run on CPUExecutionProvider" in str(error.value)


def test_a_provider_that_fails_to_load_is_not_blamed_on_the_model(tiny_engine, listed, capfd):
    def session(*_, enable_fallback, **__):
        assert not enable_fallback
        raise RuntimeError("Please install TensorRT libraries\nand more")

    listed.setattr(onnxruntime, "InferenceSession", session)
    with pytest.raises(EngineError, match="TensorrtExecutionProvider could not be") as error:
        open_network(tiny_engine, "tensorrt")
    assert "Please install TensorRT libraries" in str(error.value)
    assert "\n" not in str(error.value)
    assert "sound" not in str(error.value)


def test_a_broken_model_is_not_blamed_on_the_provider(tmp_path, listed):
    real = onnxruntime.InferenceSession
    listed.setattr(onnxruntime, "InferenceSession", lambda path, options, **_: real(path, options))
    path = tmp_path / "text.onnx"
    path.write_bytes(b"this is not a model")
    with pytest.raises(EngineError, match="not a sound ONNX"):
        open_network(path, "cuda")


def test_openvino_is_told_the_threads(tiny_engine, listed):
    given = {}

    def session(path, options, **kwargs):
        given.update(kwargs)
        raise RuntimeError("enough")

    listed.setattr(onnxruntime, "InferenceSession", session)
    with pytest.raises(EngineError):
        open_network(tiny_engine, "openvino", threads=2)
    assert given["providers"] == ["OpenVINOExecutionProvider"]
    assert given["provider_options"] == [{"num_of_threads": "2"}]


def test_name_tells_provider_and_threads(tiny_engine):
    assert "(CPUExecutionProvider, 2 threads)" in open_network(tiny_engine, threads=2).name


def test_a_provider_that_is_here_gives_what_the_cpu_gives(tiny_engine):
    """Runs for real where the machine's ONNX Runtime has more than the CPU."""
    here = onnxruntime.get_available_providers()
    others = [n for n, p in PROVIDERS.items() if n != "cpu" and p.execution in here]
    if not others:
        pytest.skip("this ONNX Runtime has only the CPU")
    want = open_engine(tiny_engine).infer(batch(5))["logits"]
    for name in others:
        try:
            engine = open_engine(tiny_engine, name)
        except EngineError:  # listed, but its libraries aren't here
            continue
        assert PROVIDERS[name].execution in engine.name
        np.testing.assert_allclose(engine.infer(batch(5))["logits"], want, rtol=1e-2, atol=1e-2)


def test_classifier_splits_batches_and_calibrates(make_onnx, face):
    cool = Classifier(open_engine(make_onnx()), max_batch=3)
    warm = Classifier(open_engine(make_onnx("warm.onnx", manifest=replace(TINY, temperature=4.0))))
    faces = [np.roll(face, i, 0) for i in range(7)]
    p, q = cool.classify(faces), warm.classify(faces)
    assert p.shape == (7, 8)
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(p[3:4], cool.classify(faces[3:4]), rtol=1e-5)
    assert (p.argmax(1) == q.argmax(1)).all()
    assert (p.max(1) > q.max(1)).all()
    assert cool.classify([]).shape == (0, 8)


def test_softmax_is_stable():
    np.testing.assert_allclose(softmax(np.array([[1e4, 1e4]])), [[0.5, 0.5]])


def test_the_shipped_model_reads_a_smile(face):
    engine = open_engine()
    classifier = Classifier(engine)
    p = classifier.classify([face])[0]
    assert classifier.labels[int(p.argmax())] == "happiness"
    assert engine.manifest.metrics["valid"]["n"] == 3139
    assert isinstance(engine.manifest, Manifest)


def test_int8_for_tensorrt_is_refused_where_it_would_be_wrong(make_onnx):
    for target in ("tensorrt", "cpu"):
        manifest = replace(TINY, precision="int8", quantization={"target": target})
        path = make_onnx(f"{target}.onnx", manifest=manifest)
        assert read_manifest(path).quantization["target"] == target
        if target == "cpu":
            open_engine(path).close()
            continue
        with pytest.raises(EngineError, match="ONNX Runtime gives other labels with it"):
            open_engine(path)


def test_the_default_suits_where_it_runs():
    assert model_path("default") == model_path("fast") == model_path("fast", "cuda")
    assert model_path("default", "cuda") == model_path("main") == model_path("main", "cuda")
    assert model_path("fast").name == "emotion.int8_cpu.onnx"
    assert model_path("a/b.plan", "cuda") == Path("a/b.plan")
    assert all(path.is_file() for path in SHIPPED.values())
