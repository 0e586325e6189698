"""Where an ONNX file runs is where it was asked to."""

import numpy as np
import onnxruntime
import pytest

from runtime.engines.factory import open_engine, open_network
from runtime.engines.providers import PROVIDERS
from runtime.errors import EngineError
from tests.contracts.models import batch


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
        pytest.skip(f"needs an ONNX Runtime without {provider}")
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


def test_a_provider_that_is_here_gives_what_the_cpu_gives(tiny_engine):
    """Runs for real where the machine's ONNX Runtime has more than the CPU."""
    here = onnxruntime.get_available_providers()
    others = [n for n, p in PROVIDERS.items() if n != "cpu" and p.execution in here]
    if not others:
        pytest.skip("needs onnxruntime-gpu and its GPU")
    want = open_engine(tiny_engine).infer(batch(5))["logits"]
    for name in others:
        try:
            engine = open_engine(tiny_engine, name)
        except EngineError:  # listed, but its libraries aren't here
            continue
        assert PROVIDERS[name].execution in engine.name
        np.testing.assert_allclose(engine.infer(batch(5))["logits"], want, rtol=1e-2, atol=1e-2)
