"""What every `Network` must do, whatever its backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from runtime.engines.base import Network
from runtime.engines.factory import open_network
from runtime.errors import EngineError
from tests.contracts.models import (
    batch,
    plan_on_a_gpu,
    plan_on_the_fake_gpu,
    write_two_outputs,
)


def onnx_runtime(tmp_path: Path, request: pytest.FixtureRequest) -> Network:
    return open_network(write_two_outputs(tmp_path / "two.onnx"))


def fake_tensorrt(tmp_path: Path, request: pytest.FixtureRequest) -> Network:
    return open_network(plan_on_the_fake_gpu(request))


def real_tensorrt(tmp_path: Path, request: pytest.FixtureRequest) -> Network:
    return open_network(plan_on_a_gpu(tmp_path))


@pytest.fixture(
    params=[onnx_runtime, fake_tensorrt, pytest.param(real_tensorrt, marks=pytest.mark.gpu)],
    ids=lambda make: make.__name__,
)
def network(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Network]:
    make: Callable[[Path, pytest.FixtureRequest], Network] = request.param
    opened = make(tmp_path, request)
    yield opened
    opened.close()


def test_it_tells_its_name_and_its_shapes(network: Network) -> None:
    assert "two." in network.name
    assert network.input_shape == (None, 3, 32, 32)
    assert dict(network.output_shapes) == {"logits": (None, 8), "embedding": (None, 3)}


def test_all_outputs_come_by_name(network: Network) -> None:
    given = network.run(batch(3))
    assert {name: value.shape for name, value in given.items()} == {
        "logits": (3, 8),
        "embedding": (3, 3),
    }
    np.testing.assert_allclose(given["embedding"], batch(3).mean((2, 3)), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    "names", [["logits"], ["embedding"], ["embedding", "logits"], ("logits", "embedding")]
)
def test_only_what_is_asked_for_comes(network: Network, names: list[str]) -> None:
    for size in (3, 3, 3, 9):  # also as a CUDA graph, and in parts
        whole, given = network.run(batch(size)), network.run(batch(size), names)
        assert list(given) == list(names)
        for name in names:
            np.testing.assert_allclose(given[name], whole[name], rtol=1e-4, atol=1e-5)


def test_an_output_that_is_not_there_is_an_error(network: Network) -> None:
    with pytest.raises(EngineError, match="age") as error:
        network.run(batch(1), ["logits", "age"])
    assert "\n" not in str(error.value)
    assert network.run(batch(1))["logits"].shape == (1, 8)


def test_what_was_given_is_the_callers(network: Network) -> None:
    first = network.run(batch(3))
    kept = {name: value.copy() for name, value in first.items()}
    network.run(batch(3, seed=1))
    for name, value in first.items():
        np.testing.assert_array_equal(value, kept[name])
        value += 1


def test_batches_of_any_size_in_any_order(network: Network) -> None:
    for seed, size in enumerate((1, 3, 3, 8, 1, 17, 4)):
        given = network.run(batch(size, seed), ["embedding"])["embedding"]
        wanted = batch(size, seed).mean((2, 3))
        np.testing.assert_allclose(given, wanted, rtol=1e-2, atol=1e-3)


def test_closed_twice_it_runs_no_more(network: Network) -> None:
    network.close()
    network.close()
    with pytest.raises(EngineError, match="closed"):
        network.run(batch(1))
