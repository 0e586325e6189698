"""Opens models: the network by its backend, the manifest that it must have."""

from __future__ import annotations

import logging
from mmap import mmap
from pathlib import Path

from runtime.engines.base import Network
from runtime.engines.catalogue import model_path
from runtime.engines.emotion_engine import EmotionEngine
from runtime.engines.onnx_file import read_onnx
from runtime.engines.providers import PROVIDERS as PROVIDERS
from runtime.engines.trt.plan import PlanError, rebuild_plan
from runtime.errors import EngineError, ManifestError
from runtime.manifest import METADATA_KEY, Manifest

#: Suffixes of TensorRT plans.
_PLANS = (".plan", ".engine")

log = logging.getLogger("runtime")


def open_network(path: Path, provider: str = "cpu", threads: int = 1) -> Network:
    """Opens a model file by its suffix.

    Args:
        path: `.onnx`, `.plan` or `.engine` file.
        provider: Where an `.onnx` runs, one of `PROVIDERS`; a plan runs on the
            GPU it was built for.
        threads: Threads inside one run. One is best where stages run side by
            side (measured: two made detection twice as slow on two cores).

    Raises:
        PlanError: A plan doesn't suit this machine; building it again mends that.
        EngineError: The file is missing, broken, of another kind, or can't be
            run as asked.
    """
    return _open(path, provider, threads)[0]


def _open(path: Path, provider: str, threads: int) -> tuple[Network, mmap | None]:
    """As `open_network`, with the bytes of an .onnx that were loaded."""
    if provider not in PROVIDERS:
        raise EngineError(f"--provider must be one of {', '.join(PROVIDERS)}, not {provider!r}")
    if not 1 <= threads <= 256:
        raise EngineError(f"--threads must be 1 to 256, not {threads}")
    if path.suffix in (".safetensors", ".ckpt", ".pt", ".pth"):
        raise EngineError(
            f"{path} is a checkpoint: export it first with "
            f"`python -m export --checkpoint {path} --output_dir models`"
        )
    if path.suffix not in (".onnx", *_PLANS):
        raise EngineError(f"{path}: an engine must be an .onnx or a .plan file")
    is_plan = path.suffix in _PLANS
    if is_plan and provider == "openvino":
        raise EngineError(f"--provider openvino can't run {path}: name the .onnx")
    if is_plan:
        from runtime.engines.trt.network import TrtNetwork

        return TrtNetwork(path), None
    from runtime.engines.ort import OrtNetwork

    with read_onnx(path) as model:
        return OrtNetwork(path, model.path, provider, threads), model.content


def open_engine(
    path: str | Path = "default", provider: str = "cpu", threads: int = 1, rebuild: bool = False
) -> EmotionEngine:
    """Opens an emotion model.

    Args:
        path: What `model_path` takes: `.onnx`, plan, or a shipped model's name.
        provider: As `open_network`.
        threads: As `open_network`.
        rebuild: Build a plan that doesn't suit this machine again, from the
            ONNX file beside it, which may take minutes.

    Raises:
        EngineError: As `open_network`, building failed, or the model is for
            another backend.
        ManifestError: The model has no manifest, or contradicts it.
    """
    file = model_path(path, provider)
    try:
        network, content = _open(file, provider, threads)
    except PlanError as error:
        if not rebuild:
            raise
        log.info("%s", error)
        rebuild_plan(file)
        network, content = _open(file, provider, threads)
    try:
        manifest = _manifest_of(file, network, content)
        if file.suffix == ".onnx":
            _check_target(file, manifest, provider)
        return EmotionEngine(network, manifest)
    except BaseException:
        network.close()
        raise


def read_manifest(path: Path) -> Manifest:
    """The manifest of an `.onnx` file that may be meant for another backend.

    Raises:
        EngineError: The file is missing, or not a sound ONNX model.
        ManifestError: It has no manifest, or contradicts it.
    """
    network, content = _open(path, "cpu", 1)
    try:
        return EmotionEngine(network, _manifest_of(path, network, content)).manifest
    finally:
        network.close()


def _check_target(file: Path, manifest: Manifest, provider: str) -> None:
    """Refuses what ONNX Runtime computes wrongly.

    Its CPU kernel for FP16 truncates where ONNX rounds (measured with 1.28; its
    issue 22741), and the shipped model's INT8 for TensorRT named another
    emotion for a third of the faces. Its other providers were not tried.
    """
    if manifest.quantization.get("target") == "tensorrt" and provider != "tensorrt":
        raise EngineError(
            f"{file}: this INT8 is for TensorRT, and ONNX Runtime gives other labels with it; "
            "build a plan from it with `python -m export.to_plan`, or use the file that ends in "
            "int8_cpu.onnx"
        )


def _manifest_of(file: Path, network: Network, content: mmap | None) -> Manifest:
    """The manifest inside a model, which the one beside an .onnx must not contradict."""
    # A plan's manifest is the one beside it, which its network has checked.
    sidecar = None if content is None else Manifest.load_sidecar(file, content)
    embedded = network.metadata.get(METADATA_KEY)
    if embedded is None:
        raise ManifestError(
            f"{file}: the model has no manifest, so its labels and input are unknown; "
            "make it with `python -m export`"
        )
    manifest = Manifest.from_json(embedded, str(file))
    if sidecar is not None and not sidecar.agrees_with(manifest):
        raise ManifestError(f"{file}: the manifest beside it contradicts the one inside it")
    return manifest
