"""A model as one thing: its file read once, its manifest, and the network that runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from runtime.engines.base import Network
from runtime.engines.catalogue import model_path
from runtime.engines.onnx_file import ModelFile, onnx_metadata, read_onnx
from runtime.engines.providers import PROVIDERS
from runtime.engines.sidecar import OtherFileError, read_sidecar
from runtime.engines.trt.plan import refusal
from runtime.errors import EngineError, ManifestError, in_checkout
from runtime.manifest import METADATA_KEY, Manifest

#: Suffixes of TensorRT plans.
PLANS = (".plan", ".engine")

#: Suffixes of checkpoints, which must be exported first.
_CHECKPOINTS = (".safetensors", ".ckpt", ".pt", ".pth")

T = TypeVar("T")


class NoManifestError(ManifestError):
    """A model has no manifest at all."""


class ModelPackage:
    """A model file that was read once; a context manager.

    What its manifest is checked against, what its hash is of and what is run are the
    same bytes, whatever becomes of the file meanwhile. A network outlives its package.

    Attributes:
        spec: As it was asked for.
        file: The file that it stands for.
        is_plan: Whether it is a TensorRT plan; else it is an ONNX model.
        provider: Where an ONNX model runs.
    """

    def __init__(self, spec: str | Path, provider: str = "cpu") -> None:
        """Reads the file.

        Args:
            spec: A file or a shipped model's name, as `model_path` takes it.
            provider: Where an ONNX model runs, one of `PROVIDERS`.

        Raises:
            PlanError: A plan is missing or empty, and can be built again.
            EngineError: The file is missing, broken or of another kind, or can't run there.
        """
        if provider not in PROVIDERS:
            raise EngineError(f"--provider must be one of {', '.join(PROVIDERS)}, not {provider!r}")
        self.spec = str(spec)
        self.provider = provider
        self.file = file = model_path(spec, provider)
        if file.suffix in _CHECKPOINTS:
            raise EngineError(
                f"{file} is a checkpoint: export it first with "
                + in_checkout(f"export --checkpoint {file} --output_dir models")
            )
        if file.suffix not in (".onnx", *PLANS):
            raise EngineError(f"{file}: an engine must be an .onnx or a .plan file")
        self.is_plan = file.suffix in PLANS
        if self.is_plan and provider == "openvino":
            raise EngineError(f"--provider openvino can't run {file}: name the .onnx")
        if self.is_plan:
            try:
                self.model = ModelFile(file)
            except EngineError as error:
                raise refusal(file, str(error).removeprefix(f"{file}: ")) from error
        else:
            self.model = read_onnx(file)

    @cached_property
    def sha256(self) -> str:
        """Hash of the file, in hexadecimal."""
        return hashlib.sha256(self.model.content).hexdigest()

    @cached_property
    def manifest(self) -> Manifest:
        """What the model is: inside an ONNX file, beside a plan.

        Raises:
            ManifestError: There is none, it is malformed, or the one beside an ONNX
                file contradicts the one inside it.
            EngineError: The same of a plan; `PlanError` where it can be built again.
        """
        return self._manifest_beside() if self.is_plan else self._manifest_inside()

    def network(self, threads: int = 1) -> Network:
        """Loads the network.

        Args:
            threads: Threads inside one run of an ONNX model. One is best where stages run
                side by side (measured: two made detection twice as slow on two cores).

        Raises:
            PlanError: A plan doesn't suit this machine; building it again mends that.
            EngineError: It is no sound model, or can't be run as asked.
        """
        if not 1 <= threads <= 256:
            raise EngineError(f"--threads must be 1 to 256, not {threads}")
        if self.is_plan:
            from runtime.engines.trt.network import TrtNetwork

            return TrtNetwork(self.file, self.model.content, self.manifest)
        from runtime.engines.ort import OrtNetwork

        return OrtNetwork(self.file, self.model.path, self.provider, threads)

    def close(self) -> None:
        """Gives the file up; a second call does nothing."""
        self.model.close()

    def __enter__(self) -> ModelPackage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _manifest_beside(self) -> Manifest:
        try:
            manifest = read_sidecar(self.file, self.sha256)
        except ManifestError as error:
            raise refusal(self.file, str(error)) from error
        if manifest is None:
            raise refusal(
                self.file, f"no manifest beside it ({self.file.name}.json), so it can't be trusted"
            )
        for key in ("library", "version", "compute_capability"):
            if not manifest.plan.get(key):
                raise refusal(self.file, f"its manifest doesn't say the plan's {key}")
        return manifest

    def _manifest_inside(self) -> Manifest:
        text = onnx_metadata(self.model.content, str(self.file)).get(METADATA_KEY)
        beside = read_sidecar(self.file, self.sha256)
        if text is None:
            raise NoManifestError(
                f"{self.file}: the model has no manifest, so its labels and input are unknown; "
                f"make it with {in_checkout('export')}"
            )
        manifest = Manifest.from_json(text, str(self.file))
        if beside is not None and not beside.agrees_with(manifest):
            raise ManifestError(
                f"{self.file}: the manifest beside it contradicts the one inside it"
            )
        return manifest


def use_package(spec: str | Path, use: Callable[[ModelPackage], T], provider: str = "cpu") -> T:
    """Opens a model for a moment; once more where it was published meanwhile.

    Args:
        spec: As `ModelPackage` takes it.
        use: What is done with it; it may be done twice.
        provider: As `ModelPackage` takes it.

    Returns:
        What `use` returned.

    Raises:
        EngineError, ManifestError: As `ModelPackage`, or by `use`.
    """
    try:
        with ModelPackage(spec, provider) as package:
            return use(package)
    except (EngineError, ManifestError) as error:
        if not any(isinstance(e, OtherFileError) for e in (error, error.__cause__)):
            raise
    # The file may have been replaced between our reading of it and of its sidecar.
    with ModelPackage(spec, provider) as package:
        return use(package)
