"""What the device needs, and when."""

import subprocess
import sys

from tests.conftest import REPO

_BARE = """
import importlib, pkgutil, sys
class Block:
    names = {"torch", "timm", "tensorrt", "onnx", "insightface", "paho",
             "train", "export", "calibration", "benchmarks"}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError(f"blocked: {name}")
sys.meta_path.insert(0, Block())
import runtime
for module in pkgutil.walk_packages(runtime.__path__, "runtime."):
    importlib.import_module(module.name)
    print(module.name)
"""


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60
    )


def test_every_runtime_module_imports_without_training_packages():
    done = _python(_BARE)
    assert done.returncode == 0, done.stderr
    assert "runtime.engines.ort" in done.stdout
    assert "runtime.pipeline.pipeline" in done.stdout


def test_import_runtime_loads_nothing_heavy():
    done = _python(
        "import runtime, sys; "
        "print([m for m in ('cv2', 'numpy', 'onnxruntime', 'yaml') if m in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_public_names_resolve():
    done = _python(
        "import runtime; print([n for n in runtime.__all__ if getattr(runtime, n) is None])"
    )
    assert done.stdout.strip() == "[]", done.stderr
