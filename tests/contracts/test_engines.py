"""What every `Engine` must do: exported models, plans, checkpoints, and the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.emotion.classifier import Classifier
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.errors import EngineError
from runtime.manifest import EMOTIONS, Manifest
from tests.contracts.models import (
    batch,
    plan_on_a_gpu,
    plan_on_the_fake_gpu,
    write_checkpoint,
    write_two_outputs,
)
from tests.support.fakes import Brain


def onnx_runtime(tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    return open_engine(write_two_outputs(tmp_path / "two.onnx"))


def fake_tensorrt(tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    return open_engine(plan_on_the_fake_gpu(request))


def real_tensorrt(tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    return open_engine(plan_on_a_gpu(tmp_path))


def pytorch(tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    from train.torch_engine import TorchEngine

    return TorchEngine.open(write_checkpoint(tmp_path / "c.safetensors"), "cpu")


def timed_pytorch(tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    from benchmarks.engine.pytorch import TimedTorch

    return TimedTorch(write_checkpoint(tmp_path / "c.safetensors"), "cpu", "fp32", 1)


def of_the_tests(tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    return Brain()


@pytest.fixture(
    params=[
        onnx_runtime,
        fake_tensorrt,
        pytest.param(real_tensorrt, marks=pytest.mark.gpu),
        pytorch,
        timed_pytorch,
        of_the_tests,
    ],
    ids=lambda make: make.__name__,
)
def engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    make: Callable[[Path, pytest.FixtureRequest], Engine] = request.param
    opened = make(tmp_path, request)
    yield opened
    opened.close()


def test_its_manifest_describes_its_outputs(engine: Engine) -> None:
    assert isinstance(engine.manifest, Manifest)
    logits = engine.manifest.outputs["logits"]
    assert (logits.kind, logits.shape, logits.labels) == ("logits", (8,), EMOTIONS)


def test_it_gives_logits_unless_something_else_is_asked_for(engine: Engine) -> None:
    for size in (1, 3, 3, 9):
        given = engine.infer(batch(size))
        assert list(given) == ["logits"]
        assert given["logits"].shape == (size, 8)
        assert given["logits"].dtype == np.float32
        assert np.isfinite(given["logits"]).all()


def test_every_output_of_the_manifest_can_be_had(engine: Engine) -> None:
    names = list(engine.manifest.outputs)
    given = engine.infer(batch(3), names)
    assert {name: value.shape for name, value in given.items()} == {
        name: (3, *output.shape) for name, output in engine.manifest.outputs.items()
    }
    for name in names:
        (alone,) = engine.infer(batch(3), [name]).values()
        np.testing.assert_allclose(alone, given[name], rtol=1e-4, atol=1e-5)
        assert alone.dtype == np.float32


def test_an_output_that_is_not_there_is_an_error(engine: Engine) -> None:
    with pytest.raises(EngineError, match="no output 'age'") as error:
        engine.infer(batch(1), ["age"])
    assert "\n" not in str(error.value)


def test_what_was_given_is_the_callers(engine: Engine) -> None:
    first = engine.infer(batch(3))["logits"]
    kept = first.copy()
    engine.infer(batch(3, seed=1))
    np.testing.assert_array_equal(first, kept)
    first += 1


def test_a_face_is_read_alike_alone_and_among_others(engine: Engine) -> None:
    together = engine.infer(batch(5))["logits"]
    alone = np.concatenate([engine.infer(face[None])["logits"] for face in batch(5)])
    np.testing.assert_allclose(alone, together, rtol=1e-3, atol=1e-4)


def test_a_classifier_takes_it(engine: Engine, face: NDArray[np.uint8]) -> None:
    rows = Classifier(engine, max_batch=2).classify([face] * 3)
    assert rows.shape == (3, 8)
    np.testing.assert_allclose(rows.sum(1), 1)


def test_it_can_be_closed_twice(engine: Engine) -> None:
    engine.close()
    engine.close()
