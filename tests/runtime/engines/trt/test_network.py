import gc
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runtime.engines.factory import open_engine, open_network
from runtime.engines.sidecar import write_sidecar
from runtime.engines.trt.cuda import Cuda
from runtime.engines.trt.network import TrtNetwork, _make_logger
from runtime.errors import EngineError, ManifestError
from tests.conftest import TINY, with_preprocess, write_tiny_onnx
from tests.support.fake_gpu import Error, FakeCudart, reference


def load(plan: Path) -> TrtNetwork:
    network = open_network(plan)
    assert isinstance(network, TrtNetwork)
    return network


def batch(n: int, seed: int = 0, size: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 3, size, size)).astype(np.float32)


def test_a_plan_is_an_engine_like_any_other(gpu, make_plan):
    engine = open_engine(make_plan())
    assert engine.manifest.precision == "fp16"
    assert "tensorrt 10.3.0, Orin" in engine.name
    np.testing.assert_allclose(engine.infer(batch(3))["logits"], reference(batch(3)), rtol=1e-5)
    assert engine.infer(batch(0))["logits"].shape == (0, 8)
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(batch(1))


def test_network_tells_its_shapes(gpu, make_plan):
    network = load(make_plan("tiny.engine"))
    assert network.input_shape == (None, 3, 32, 32)
    assert network.output_shapes == {"logits": (None, 8)}
    assert network.batches == (2, 5)


@pytest.mark.parametrize("library", ["tensorrt", "tensorrt_rtx"])
def test_any_batch_in_any_order(gpu, make_plan, library):
    version = {"tensorrt": "10.3.1", "tensorrt_rtx": "1.7.0"}[library]
    network = load(make_plan(library=library, version=version))
    for seed, n in enumerate([3, 3, 3, 1, 5, 1, 3, 12, 12, 12, 4, 0, 2, 1, 11, 3, 5, 5, 3]):
        want = batch(n, seed)
        got = network.run(want)["logits"]
        assert got.shape == (n, 8)
        np.testing.assert_allclose(got, reference(want), rtol=1e-4)


def test_large_batches_run_in_parts_and_small_ones_are_padded_with_zeros(gpu, make_plan):
    network = load(make_plan())
    network.run(batch(5))  # leaves faces in the buffer
    network.run(batch(11))
    sizes = [len(run) for run in gpu.trt.runs]
    assert set(sizes) == {5, 2}
    assert sizes[-1] == 2
    assert gpu.trt.runs[-1][0].any()
    assert not gpu.trt.runs[-1][1:].any()


def test_outputs_belong_to_the_caller(gpu, make_plan):
    network = load(make_plan())
    first = network.run(batch(3))["logits"]
    kept = first.copy()
    network.run(batch(3, seed=1))
    network.close()
    np.testing.assert_array_equal(first, kept)
    first += 1  # not read-only


def test_outputs_keep_their_type(gpu, make_plan):
    network = load(make_plan(content={"logits_type": "HALF"}))
    assert network.run(batch(2))["logits"].dtype == np.float16
    engine = open_engine(make_plan(content={"logits_type": "HALF"}))
    assert engine.infer(batch(2))["logits"].dtype == np.float32


def test_a_size_that_comes_again_runs_as_a_graph(gpu, make_plan):
    network, calls = load(make_plan()), gpu.cudart.calls
    network.run(batch(4))
    assert calls["cudaStreamBeginCapture"] == 0  # a size that comes once isn't worth it
    network.run(batch(4))
    assert calls["cudaGraphInstantiateWithFlags"] == 1
    executed, copies = gpu.trt.executed, calls["cudaMemcpyAsync"]
    for seed in range(5):
        want = batch(4, seed)
        np.testing.assert_allclose(network.run(want)["logits"], reference(want), rtol=1e-4)
    assert gpu.trt.executed == executed
    assert calls["cudaMemcpyAsync"] == copies
    assert calls["cudaGraphLaunch"] == 6
    assert calls["cudaGraphInstantiateWithFlags"] == 1


def test_number_of_graphs_is_bounded(gpu, make_plan):
    network = load(make_plan(content={"profile": [1, 8, 40]}))
    for _ in range(3):
        for n in range(1, 41):
            np.testing.assert_allclose(
                network.run(batch(n))["logits"], reference(batch(n)), rtol=1e-4
            )
    assert gpu.cudart.calls["cudaGraphInstantiateWithFlags"] == 8


@pytest.mark.parametrize("step", ["capture", "end", "cudaGraphInstantiateWithFlags"])
def test_without_graphs_it_runs_all_the_same(gpu, make_plan, caplog, step):
    caplog.set_level(logging.DEBUG, "runtime")
    network = load(make_plan())
    network.run(batch(3))
    if step.startswith("cuda"):
        gpu.cudart.fail[step] = Error.cudaErrorMemoryAllocation
    else:
        gpu.trt.fail.add(step)
    for n in (3, 3, 4, 4, 4):
        np.testing.assert_allclose(network.run(batch(n))["logits"], reference(batch(n)), rtol=1e-4)
    told = [r.getMessage() for r in caplog.records if "no CUDA graphs" in r.getMessage()]
    assert len(told) == 1  # once, not for each batch
    assert gpu.cudart.calls["cudaStreamBeginCapture"] == 1
    assert gpu.cudart.last_error == Error.cudaSuccess
    network.close()
    assert not gpu.cudart.live


def test_tensorrt_for_rtx_captures_by_itself(gpu, make_plan):
    network = load(make_plan(library="tensorrt_rtx", version="1.7.1.116"))
    for _ in range(3):
        network.run(batch(3))
    assert gpu.cudart.calls["cudaStreamBeginCapture"] == 0
    (context,) = [ref() for ref in gpu.rtx.contexts]
    assert context.how.cuda_graph_strategy.name == "WHOLE_GRAPH_CAPTURE"


def test_close_frees_everything_and_a_second_time_does_nothing(gpu, make_plan):
    network = load(make_plan())
    for n in (3, 3, 5, 5):
        network.run(batch(n))
    assert gpu.cudart.live
    network.close()
    assert not gpu.cudart.live
    assert all(ref() is None for ref in gpu.trt.contexts)
    freed = dict(gpu.cudart.calls)
    network.close()
    assert dict(gpu.cudart.calls) == freed


@pytest.mark.parametrize(
    "step",
    [
        "cudaStreamCreateWithFlags",
        "cudaEventCreateWithFlags",
        "cudaMalloc",
        "cudaMallocHost",
        "deserialize",
        "context",
        "address",
        "shape",
    ],
)
def test_nothing_leaks_when_opening_fails(gpu, make_plan, step):
    if step.startswith("cuda"):
        gpu.cudart.fail[step] = Error.cudaErrorMemoryAllocation
    else:
        gpu.trt.fail.add(step)
    with pytest.raises(EngineError) as error:
        load(make_plan())
    assert "\n" not in str(error.value)
    if step.startswith("cuda"):
        assert f"{step} failed: cudaErrorMemoryAllocation" in str(error.value)
    assert not gpu.cudart.live
    del error  # its traceback holds the frames
    gc.collect()
    assert all(ref() is None for ref in gpu.trt.contexts)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"more_inputs": ["mask"]}, "one float32 input"),
        ({"input_type": "HALF"}, "one float32 input"),
        ({"output_shape": [1, 8]}, "one row for each input"),
        ({"output_shape": []}, "one row for each input"),
    ],
)
def test_other_networks_are_refused(gpu, make_plan, content, word):
    with pytest.raises(EngineError, match=word):
        load(make_plan(content=content))
    assert not gpu.cudart.live


def test_a_plan_that_contradicts_its_manifest_is_closed(gpu, make_plan):
    path = make_plan(manifest=with_preprocess(TINY, size=64), content={"size": 32})
    with pytest.raises(ManifestError, match=r"takes \(N, 3, 32, 32\)"):
        open_engine(path)
    assert not gpu.cudart.live


def test_batches_of_another_shape_are_refused(gpu, make_plan):
    with pytest.raises(EngineError, match="a batch must be"):
        load(make_plan()).run(batch(2, size=16))


def test_a_fault_while_running_names_its_cause_and_frees_all_the_same(gpu, make_plan):
    network = load(make_plan())
    gpu.cudart.fail["cudaEventSynchronize"] = Error.cudaErrorIllegalAddress
    with pytest.raises(EngineError, match=r"cudaEventSynchronize failed: cudaErrorIllegalAddress"):
        network.run(batch(3))
    # After such a fault every call fails; closing must still come to its end.
    gpu.cudart.fail["cudaFree"] = Error.cudaErrorIllegalAddress
    network.close()
    assert gpu.cudart.calls["cudaStreamDestroy"] == 1


def test_a_run_that_tensorrt_refuses_says_why(gpu, make_plan):
    network = load(make_plan())
    gpu.trt.fail.add("execute")
    with pytest.raises(EngineError, match=r"batch of 3 \(operation not permitted\)"):
        network.run(batch(3))


def test_a_plan_that_cannot_be_loaded_says_what_tensorrt_logged(gpu, make_plan):
    gpu.trt.fail.add("deserialize")
    with pytest.raises(EngineError, match=r"can't load it \(IRuntime: .* \(magicTag failed\.\)\)"):
        load(make_plan())


def has_gpu() -> bool:
    try:
        Cuda().device()
    except EngineError:
        return False
    return True


def build(tmp_path: Path, library: str, target: str | None) -> Path:
    """A real plan of the small network, with its manifest; skips where none can be built."""
    trt = pytest.importorskip(
        library, reason=f"needs {library}, which is for x86-64 alone or a GPU"
    )
    onnx = write_tiny_onnx(tmp_path / "real.onnx")
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.ERROR))
    assert parser.parse(onnx.read_bytes())
    config, profile = builder.create_builder_config(), builder.create_optimization_profile()
    profile.set_shape("input", (2, 3, 32, 32), (4, 3, 32, 32), (5, 3, 32, 32))
    config.add_optimization_profile(profile)
    if target is not None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, f"SM{target}"), 0)
    data = builder.build_serialized_network(network, config)
    assert data is not None
    path = tmp_path / "real.plan"
    path.write_bytes(bytes(data))
    capability = Cuda().device().capability if has_gpu() else "8.6"
    plan = {"library": library, "version": trt.__version__, "compute_capability": [capability]}
    write_sidecar(replace(TINY, plan=plan), path)
    return path


def test_a_real_plan_without_a_gpu_is_refused_in_a_line(tmp_path):
    if has_gpu():
        pytest.skip("needs a machine without an NVIDIA GPU")
    with pytest.raises(EngineError, match="no NVIDIA GPU or no driver|cuda-bindings") as error:
        open_engine(build(tmp_path, "tensorrt_rtx", "86"))
    assert "\n" not in str(error.value)


def test_the_real_library_has_what_the_engine_calls():
    trt = pytest.importorskip(
        "tensorrt_rtx", reason="needs tensorrt-rtx, which is for x86-64 alone"
    )
    for owner, names in {
        trt.ICudaEngine: "num_io_tensors get_tensor_name get_tensor_mode get_tensor_dtype "
        "get_tensor_shape get_tensor_profile_shape create_runtime_config "
        "create_execution_context device_memory_size_v2",
        trt.IExecutionContext: "set_device_memory set_tensor_address set_input_shape "
        "get_tensor_shape execute_async_v3",
        trt.IRuntimeConfig: "cuda_graph_strategy",
        trt.CudaGraphStrategy: "WHOLE_GRAPH_CAPTURE",
        trt.ExecutionContextAllocationStrategy: "USER_MANAGED",
        trt.ILogger: "ERROR INTERNAL_ERROR WARNING",
        trt: "Runtime DataType TensorIOMode nptype",
    }.items():
        assert [name for name in names.split() if not hasattr(owner, name)] == []
    logger = _make_logger(trt)
    assert trt.Runtime(logger).deserialize_cuda_engine(b"no plan" * 100) is None
    assert "Error Code" in logger.last_error
    assert "\n" not in logger.last_error


def test_the_real_bindings_have_what_the_engine_calls():
    api = pytest.importorskip("cuda.bindings.runtime", reason="needs cuda-bindings")
    for name in dir(FakeCudart):
        if name.startswith("cuda") and not isinstance(getattr(FakeCudart, name), int):
            assert hasattr(api, name), name
    for flag in ("cudaStreamNonBlocking", "cudaEventBlockingSync", "cudaEventDisableTiming"):
        assert int(getattr(api, flag)) == getattr(FakeCudart, flag)


@pytest.mark.gpu
@pytest.mark.parametrize("library", ["tensorrt", "tensorrt_rtx"])
def test_a_real_plan_gives_what_onnx_runtime_gives(tmp_path, library):
    if not has_gpu():
        pytest.skip("needs an NVIDIA GPU with its driver, and cuda-bindings")
    path = build(tmp_path, library, None)
    want, got = open_engine(path.with_suffix(".onnx")), open_engine(path)
    # Sizes that pad, fit, recur as graphs, interleave and split.
    for seed, n in enumerate([1, 3, 3, 3, 5, 5, 3, 1, 1, 12, 12, 12, 4, 3]):
        faces = batch(n, seed)
        np.testing.assert_allclose(
            got.infer(faces)["logits"], want.infer(faces)["logits"], rtol=1e-2, atol=1e-2
        )
    got.close()
    got.close()
