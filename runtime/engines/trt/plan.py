"""Whether a TensorRT plan was made for this machine, told before it is loaded.

A plan holds compiled code for one GPU and one version of TensorRT: elsewhere
it is refused by TensorRT with a riddle, or crashes. Its manifest says what it
was built with and for, so that the refusal can say what to do.
"""

from __future__ import annotations

import importlib.util
import logging
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Any

from runtime.engines.trt.cuda import Cuda, Device
from runtime.errors import EngineError, ManifestError
from runtime.manifest import Manifest
from runtime.support.redaction import printable

#: Python module of each library that makes and runs plans, and how to get it.
LIBRARIES = {
    "tensorrt": "`pip install tensorrt`, or on a Jetson `apt-get install python3-libnvinfer`",
    "tensorrt_rtx": "`pip install tensorrt-rtx`",
}

log = logging.getLogger("runtime")


class PlanError(EngineError):
    """A plan doesn't suit this machine; building it again from its ONNX file mends that."""


@dataclass(frozen=True, slots=True)
class Host:
    """What runs a plan on this machine.

    Attributes:
        library: The module `tensorrt` or `tensorrt_rtx`.
        cuda: CUDA's runtime.
        device: The GPU.
    """

    library: Any
    cuda: Cuda
    device: Device


def check_plan(path: Path, content: mmap) -> tuple[Manifest, Host]:
    """Checks a plan against this machine, without loading it.

    Args:
        path: Its file.
        content: The file's bytes, which its manifest's hash is of.

    Returns:
        Its manifest, and what it will run on.

    Raises:
        PlanError: It was built for another GPU or TensorRT, or has no sound
            manifest; building it again mends that.
        EngineError: There is no GPU, driver, TensorRT or ONNX file.
    """
    manifest = read_manifest(path, content)
    library = import_library(path, manifest.plan)
    cuda = Cuda()
    try:
        device = cuda.device()
    except EngineError as error:
        raise EngineError(
            f"{path}: {error}; a plan runs only on a GPU, use the .onnx here"
        ) from error
    check_device(path, manifest.plan, device)
    return manifest, Host(library, cuda, device)


def onnx_of(path: Path) -> Path:
    """The ONNX file that a plan came from, beside it."""
    return path.with_suffix(".onnx")


def rebuild_command(path: Path) -> list[str]:
    """Arguments of Python that build a plan again."""
    command = ["-m", "export.to_plan", "--onnx", str(onnx_of(path))]
    # The builder's own choice of name is the ONNX file's with `.plan`.
    return command if path.suffix == ".plan" else [*command, "--output", str(path)]


def refusal(path: Path, reason: str) -> EngineError:
    """The error that says why a plan can't be used and how to build it again.

    Args:
        path: The plan.
        reason: Half a sentence.

    Returns:
        A `PlanError`, or a plain `EngineError` where there is nothing to build it from.
    """
    reason = printable(reason)
    if onnx_of(path).is_file():
        command = shlex.join(["python", *rebuild_command(path)])
        return PlanError(f"{path}: {reason}; build it on this machine: `{command}`")
    return EngineError(
        f"{path}: {reason}; to build it on this machine, put {onnx_of(path).name} beside it "
        f"and run `{shlex.join(['python', *rebuild_command(path)])}`"
    )


def read_manifest(path: Path, content: mmap) -> Manifest:
    """The sidecar of a plan, which must say what the plan was built for.

    Raises:
        EngineError: There is no sidecar, it belongs to another file, or it
            says nothing of the plan.
    """
    try:
        manifest = Manifest.load_sidecar(path, content)
    except ManifestError as error:
        raise refusal(path, str(error)) from error
    if manifest is None:
        raise refusal(path, f"no manifest beside it ({path.name}.json), so it can't be trusted")
    missing = [k for k in ("library", "version", "compute_capability") if not manifest.plan.get(k)]
    if missing:
        raise refusal(path, f"its manifest doesn't say the plan's {missing[0]}")
    return manifest


def import_library(path: Path, plan: Mapping[str, Any]) -> Any:
    """The module that runs a plan.

    Raises:
        EngineError: It isn't installed, or is another version than the plan's.
    """
    name, version = str(plan["library"]), str(plan["version"])
    if name not in LIBRARIES:
        raise refusal(path, f"it was built with {name!r}, which this version doesn't know")
    try:
        library = importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: its shared libraries are missing
        others = [o for o in LIBRARIES if o != name and importlib.util.find_spec(o)]
        if others:
            raise refusal(
                path, f"it was built with {name}, and this machine has {others[0]}"
            ) from error
        raise EngineError(
            f"{path}: it needs {name} {printable(_minor(version))}, which can't be imported "
            f"({error}); get it by {LIBRARIES[name]}, or use the .onnx with --provider"
        ) from error
    if _minor(library.__version__) != _minor(version):
        raise refusal(
            path, f"it was built with {name} {version}, and this machine has {library.__version__}"
        )
    return library


def check_device(path: Path, plan: Mapping[str, Any], device: Device) -> None:
    """Refuses a plan that was built for another GPU.

    The GPU's name counts only where the plan was built for one GPU: one built
    for several compute capabilities runs on every GPU that has one of them.

    Args:
        path: The plan, for the message.
        plan: What `Manifest.plan` holds.
        device: This machine's GPU.

    Raises:
        EngineError: It was.
    """
    targets = plan["compute_capability"]
    several = not isinstance(targets, str)
    if device.capability not in (targets if several else [targets]):
        shown = ", ".join(map(str, targets)) if several else targets
        gpu = f"{plan['gpu']}, " if plan.get("gpu") else ""
        raise refusal(
            path,
            f"it was built for another GPU ({gpu}compute capability {shown}) than this "
            f"{device.name} ({device.capability})",
        )
    if not several and plan.get("gpu") not in (None, device.name):
        raise refusal(path, f"it was built for {plan['gpu']}, and this GPU is {device.name}")


def rebuild_plan(path: Path) -> None:
    """Builds a plan again from the ONNX file beside it, which may take minutes.

    Another process does it: the runtime imports nothing of the export.

    Raises:
        EngineError: The build failed; what it printed says why.
    """
    command = rebuild_command(path)
    log.info("building %s: python %s", path, shlex.join(command))
    # The builder's output goes to standard error: JSON on standard output stays clean.
    done = subprocess.run([sys.executable, *command], stdout=2, check=False)
    if done.returncode:
        raise EngineError(
            f"--rebuild: `{shlex.join(['python', *command])}` failed with exit code "
            f"{done.returncode} (see above); {path} is unchanged"
        )


def _minor(version: str) -> str:
    """`10.3.0` -> `10.3`: plans are exchangeable between patches at most."""
    return ".".join(version.split(".")[:2])
