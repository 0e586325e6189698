"""Whether a TensorRT plan was made for this machine, told before it is loaded.

A plan holds compiled code for one GPU and one version of TensorRT: elsewhere
it is refused by TensorRT with a riddle, or crashes. Its manifest says what it
was built with and for, so that the refusal can say what to do.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.engines.trt.cuda import Cuda, Device
from runtime.errors import EngineError
from runtime.support.redaction import printable

#: Python module of each library that makes and runs plans, and how to get it.
LIBRARIES = {
    "tensorrt": "`pip install tensorrt`, or on a Jetson `apt-get install python3-libnvinfer`",
    "tensorrt_rtx": "`pip install tensorrt-rtx`",
}

#: What a process for building runs: it takes the import path, the ONNX file and the plan.
_BUILDER = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from runtime.engines.trt.convert import main
from runtime.support.cli import run_command
sys.exit(run_command(main, sys.argv[2:]))
"""

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


def check_plan(path: Path, plan: Mapping[str, Any]) -> Host:
    """Checks a plan against this machine, without loading it.

    Args:
        path: Its file, for messages.
        plan: What `Manifest.plan` holds.

    Returns:
        What it will run on.

    Raises:
        PlanError: It was built for another GPU or TensorRT; building it again mends that.
        EngineError: There is no GPU, driver, TensorRT or ONNX file.
    """
    library = import_library(path, plan)
    cuda = Cuda()
    try:
        device = cuda.device()
    except EngineError as error:
        raise EngineError(
            f"{path}: {error}; a plan runs only on a GPU, use the .onnx here"
        ) from error
    check_device(path, plan, device)
    return Host(library, cuda, device)


def onnx_of(path: Path) -> Path:
    """The ONNX file that a plan came from, beside it."""
    return path.with_suffix(".onnx")


def rebuild_remedy(path: Path) -> str:
    """The command that builds a plan on this machine, as messages quote it."""
    return f"`{shlex.join(['emotion-webcam', '--engine', str(path), '--rebuild'])}`"


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
        return PlanError(f"{path}: {reason}; build it on this machine: {rebuild_remedy(path)}")
    return EngineError(
        f"{path}: {reason}; to build it on this machine, put {onnx_of(path).name} beside it "
        f"and run {rebuild_remedy(path)}"
    )


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

    Another process does it: TensorRT keeps one logger for a process's life, and the
    builder's memory.

    Raises:
        EngineError: The build failed; what it printed says why.
    """
    log.info("building %s from %s", path, onnx_of(path))
    # The builder's output goes to standard error: JSON on standard output stays clean.
    done = subprocess.run(rebuild_command(path), stdout=2, check=False)
    if done.returncode:
        raise EngineError(
            f"--rebuild: building {path} from {onnx_of(path).name} failed with exit code "
            f"{done.returncode} (see above); it is unchanged"
        )


def rebuild_command(path: Path) -> list[str]:
    """A process that builds a plan again and imports nothing from the user's folder."""
    return [
        *(sys.executable, "-I", "-c", _BUILDER, json.dumps(_import_path())),
        *(str(onnx_of(path)), str(path)),
    ]


def _import_path() -> list[str]:
    """Where modules are looked for, less the current folder unless this package is in it."""
    root, here = Path(__file__).resolve().parents[3], Path.cwd()
    found = [Path(entry or here).resolve() for entry in sys.path]
    kept = [str(entry) for entry in found if entry == root or entry != here.resolve()]
    return kept if str(root) in kept else [*kept, str(root)]


def _minor(version: str) -> str:
    """`10.3.0` -> `10.3`: plans are exchangeable between patches at most."""
    return ".".join(version.split(".")[:2])
