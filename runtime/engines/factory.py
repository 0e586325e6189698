"""Opens models: the network by its backend, the manifest that it must have."""

from __future__ import annotations

import logging
from pathlib import Path

from runtime.engines.base import Network
from runtime.engines.catalogue import model_path
from runtime.engines.emotion_engine import EmotionEngine
from runtime.engines.package import ModelPackage, use_package
from runtime.engines.trt.plan import PlanError, rebuild_plan, rebuild_remedy
from runtime.errors import EngineError
from runtime.manifest import Manifest

log = logging.getLogger("runtime")


def open_network(spec: str | Path, provider: str = "cpu", threads: int = 1) -> Network:
    """Opens a model as a bare network, with a manifest or without one.

    Args:
        spec: `.onnx`, `.plan` or `.engine` file, or a shipped model's name.
        provider: Where an `.onnx` runs, one of `PROVIDERS`; a plan runs on the
            GPU it was built for.
        threads: Threads inside one run; see `ModelPackage.network`.

    Raises:
        PlanError: A plan doesn't suit this machine; building it again mends that.
        EngineError: The file is missing, broken, of another kind, or can't be
            run as asked.
    """
    with ModelPackage(spec, provider) as package:
        return package.network(threads)


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
    try:
        return _open_engine(path, provider, threads)
    except PlanError as error:
        if not rebuild:
            raise
        log.info("%s", error)
    rebuild_plan(model_path(path, provider))
    return _open_engine(path, provider, threads)


def _open_engine(spec: str | Path, provider: str, threads: int) -> EmotionEngine:
    def use(package: ModelPackage) -> EmotionEngine:
        network = package.network(threads)
        try:
            if not package.is_plan:
                _check_target(package.file, package.manifest, provider)
            return EmotionEngine(network, package.manifest)
        except BaseException:
            network.close()
            raise

    return use_package(spec, use, provider)


def read_manifest(spec: str | Path) -> Manifest:
    """The manifest of an `.onnx` file that may be meant for another backend.

    Raises:
        EngineError: The file is missing, or not a sound ONNX model.
        ManifestError: It has no manifest, or contradicts it.
    """

    def use(package: ModelPackage) -> Manifest:
        network = package.network()
        try:
            return EmotionEngine(network, package.manifest).manifest
        finally:
            network.close()

    return use_package(spec, use)


def _check_target(file: Path, manifest: Manifest, provider: str) -> None:
    """Refuses what ONNX Runtime computes wrongly.

    Its CPU kernel for FP16 truncates where ONNX rounds (measured with 1.28; its
    issue 22741), and the shipped model's INT8 for TensorRT named another
    emotion for a third of the faces. Its other providers were not tried.
    """
    if manifest.quantization.get("target") == "tensorrt" and provider != "tensorrt":
        raise EngineError(
            f"{file}: this INT8 is for TensorRT, and ONNX Runtime gives other labels with it; "
            f"build a plan from it with {rebuild_remedy(file.with_suffix('.plan'))}, or use the "
            "file that ends in int8_cpu.onnx"
        )
