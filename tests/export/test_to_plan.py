"""Plans: real ones where TensorRT-RTX is, and the builder's logic on a fake TensorRT."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from export.to_plan import PlanOptions, build_plan, main
from runtime.engines import publishing
from runtime.engines.sidecar import read_sidecar
from runtime.engines.trt import convert
from runtime.engines.trt import library as tensorrt_library
from runtime.errors import ManifestError, UserError
from runtime.manifest import Manifest, file_hash
from runtime.support.cli import run_command
from tests.conftest import REPO, TINY, write_tiny_onnx
from tests.support.fake_builder import FakeBuilder

NO_GPU = {"gpu": None, "compute_capability": None, "driver": None}
ORIN = {"gpu": "Orin", "compute_capability": "8.7", "driver": "CUDA 12.6"}
FP16 = replace(TINY, precision="fp16")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeBuilder]:
    """Puts a fake library in place of whatever is installed, and a GPU or none."""

    def install(
        name: str = "tensorrt", version: str = "10.3.0", facts: dict[str, Any] = ORIN
    ) -> FakeBuilder:
        fake = FakeBuilder(name, version)
        for library in tensorrt_library.LIBRARIES:
            monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.setitem(sys.modules, name, fake)
        monkeypatch.setattr(convert, "gpu_facts", lambda: dict(facts))
        return fake

    return install


@pytest.fixture
def rtx() -> ModuleType:
    """The real TensorRT-RTX."""
    return pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed (pip install tensorrt-rtx)"
    )


def _names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def _load(plan: Path) -> Manifest:
    manifest = read_sidecar(plan)
    assert manifest is not None
    return manifest


# --- the real TensorRT-RTX -------------------------------------------------------------------


def test_a_real_plan_and_its_manifest(
    rtx: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    flags = ["--library", "tensorrt_rtx", "--targets", "8.6,8.9", "--max_batch", "12"]
    assert main(["--onnx", str(source), *flags]) == 0
    plan = tmp_path / "tiny.plan"
    assert _names(tmp_path) == {"tiny.onnx", "tiny.json", "tiny.plan", "tiny.plan.json"}
    manifest = _load(plan)
    assert manifest.sha256 == file_hash(plan)
    assert manifest.agrees_with(TINY)
    assert manifest.plan.pop("build_s") >= 0  # type: ignore[attr-defined]
    assert manifest.plan.pop("weights_mb") is not None  # type: ignore[attr-defined]
    assert manifest.plan == {
        "library": "tensorrt_rtx",
        "version": rtx.__version__,
        **NO_GPU,
        "compute_capability": ["8.6", "8.9"],
        "profile": {"min": 1, "opt": 8, "max": 12},
        "onnx_sha256": file_hash(source),
        "ran": False,
    }
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[-1].startswith(f"{plan}: fp32 plan, ")
    assert lines[-1].endswith("parsed and built, not run")


def test_the_shipped_model_builds_for_all_but_turing(rtx: ModuleType, tmp_path: Path) -> None:
    source, plan = REPO / "runtime" / "models" / "emotion.onnx", tmp_path / "emotion.plan"
    options = PlanOptions(str(source), str(plan), library="tensorrt_rtx", workspace_mb=512)
    assert build_plan(options) == plan
    manifest = _load(plan)
    targets = manifest.plan["compute_capability"]
    if isinstance(targets, list):  # no GPU here
        assert "7.5" not in targets
        assert {"8.6", "8.9", "12.0"} <= set(targets)
    # Every weight in FP32, and nothing twice.
    assert manifest.plan["weights_mb"] == pytest.approx(source.stat().st_size / 1e6, rel=0.05)
    with pytest.raises(UserError, match=r"Turing .*; leave 7\.5 out of --targets$"):
        build_plan(replace(options, targets="7.5"))
    assert _load(plan) == manifest


# --- a fake TensorRT -------------------------------------------------------------------------


def test_what_tensorrt_10_is_asked_for(
    use: Callable[..., FakeBuilder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = use()
    source = write_tiny_onnx(tmp_path / "tiny.fp16.onnx", FP16)
    flags = ["--min_batch", "2", "--opt_batch", "4", "--max_batch", "6", "--workspace_mb", "64"]
    assert main(["--onnx", str(source), *flags]) == 0
    assert fake.asked.pop("sigint") is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert fake.asked == {
        "flags": 1 << 3,
        "file": str(source),
        "profile": ("input", (2, 3, 32, 32), (4, 3, 32, 32), (6, 3, 32, 32)),
        "workspace": 64 << 20,
        "targets": {},
    }
    plan = tmp_path / "tiny.fp16.plan"
    assert plan.read_bytes() == b"a plan"
    manifest = _load(plan)
    assert manifest.precision == "fp16"
    assert manifest.plan == {
        "library": "tensorrt",
        "version": "10.3.0",
        **ORIN,
        "profile": {"min": 2, "opt": 4, "max": 6},
        "onnx_sha256": file_hash(source),
        "weights_mb": 1.23,
        "build_s": manifest.plan["build_s"],
        "ran": False,
    }
    assert f"{source}: fp16, to a plan for Orin" in capsys.readouterr().out


def test_tensorrt_11_has_strongly_typed_networks_alone(
    use: Callable[..., FakeBuilder], tmp_path: Path
) -> None:
    fake = use(version="11.0.0", facts=NO_GPU)
    fake.says = []
    build_plan(PlanOptions(str(write_tiny_onnx(tmp_path / "tiny.onnx"))))
    assert fake.asked["flags"] == 0
    # The proof of an FP32 model doesn't hold for TF32.
    assert fake.asked["cleared"] == "tf32"
    record = _load(tmp_path / "tiny.plan").plan
    assert record["weights_mb"] is None
    assert {key: record[key] for key in NO_GPU} == NO_GPU


@pytest.mark.parametrize(
    ("facts", "wanted", "asked", "recorded"),
    [
        (NO_GPU, None, {0: 89, 1: 120}, ["8.9", "12.0"]),
        (NO_GPU, "12.0,7.5,12.0", {0: 120, 1: 75}, ["12.0", "7.5"]),
        (ORIN, None, {0: "current"}, "8.7"),
        (ORIN, "8.9", {0: 89}, ["8.9"]),
    ],
)
def test_targets_of_tensorrt_rtx(
    use: Callable[..., FakeBuilder],
    tmp_path: Path,
    facts: dict[str, Any],
    wanted: str | None,
    asked: dict[int, Any],
    recorded: Any,
) -> None:
    fake = use("tensorrt_rtx", "1.7.1", facts)
    build_plan(PlanOptions(str(write_tiny_onnx(tmp_path / "tiny.onnx")), targets=wanted))
    assert fake.asked["targets"] == asked
    record = _load(tmp_path / "tiny.plan").plan
    assert record["compute_capability"] == recorded
    # The GPU here is none of a plan's that was built for others.
    assert record["gpu"] == (None if isinstance(recorded, list) else "Orin")


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        ("gpu", "tensorrt 10.3.0 found no GPU that it can build on (CUDA initialization failure"),
        ("parse", "can't take Relu 'relu': Relu: bad type); export it again"),
        ("profile", "refused the profile: Invalid optimization profiles"),
        ("build", "could not build it: the last error"),
    ],
)
def test_failures_are_one_line_and_spare_the_older_plan(
    use: Callable[..., FakeBuilder],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fails: str,
    message: str,
) -> None:
    fake = use()
    fake.fails = fails
    fake.says = [
        ("ERROR", "the first error"),
        ("ERROR", "the last\nerror"),
        ("ERROR", "[catchCudaError] 35"),
    ]
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    (tmp_path / "tiny.plan").write_text("older")
    assert run_command(main, ["--onnx", str(source)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert _names(tmp_path) == {"tiny.onnx", "tiny.json", "tiny.plan"}
    assert (tmp_path / "tiny.plan").read_text() == "older"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_older_error_is_not_told_again(use: Callable[..., FakeBuilder], tmp_path: Path) -> None:
    fake, options = use(), PlanOptions(str(write_tiny_onnx(tmp_path / "tiny.onnx")))
    fake.fails, fake.says = "build", [("ERROR", "first time")]
    with pytest.raises(UserError, match="first time"):
        build_plan(options)
    fake.says = []
    with pytest.raises(UserError, match="it gave no reason"):
        build_plan(options)


def test_timing_cache_is_read_and_written(
    use: Callable[..., FakeBuilder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake, cache = use(), tmp_path / "tactics.cache"
    options = PlanOptions(str(write_tiny_onnx(tmp_path / "tiny.onnx")), timing_cache=str(cache))
    build_plan(options)
    assert cache.read_bytes() == b"+"
    build_plan(options)
    assert cache.read_bytes() == b"++"
    assert "timing cache" not in capsys.readouterr().out
    for fits in (False, None):
        fake.cache_fits = fits
        cache.write_bytes(b"of another version")
        build_plan(options)
        assert cache.read_bytes() == b"+"
        assert f"{cache}: made by another TensorRT or GPU" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.partial"))


def test_a_timing_cache_that_cannot_be_written_costs_no_plan(
    use: Callable[..., FakeBuilder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use()
    cache = tmp_path / "tactics.cache"
    _fill_disk(monkeypatch, lambda data: data == b"+")
    build_plan(PlanOptions(str(write_tiny_onnx(tmp_path / "tiny.onnx")), timing_cache=str(cache)))
    assert f"{cache}: not written (No space left on device)" in capsys.readouterr().out
    assert _names(tmp_path) == {"tiny.onnx", "tiny.json", "tiny.plan", "tiny.plan.json"}


def test_tensorrt_rtx_has_no_timing_cache(
    use: Callable[..., FakeBuilder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use("tensorrt_rtx", "1.7.1", NO_GPU)
    cache = tmp_path / "tactics.cache"
    build_plan(PlanOptions(str(write_tiny_onnx(tmp_path / "tiny.onnx")), timing_cache=str(cache)))
    assert "--timing_cache is not used" in capsys.readouterr().out
    assert not cache.exists()


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--min_batch", "9"], "--min_batch 9, --opt_batch 8, --max_batch 16: each must be"),
        (["--opt_batch", "17"], "--opt_batch 17, --max_batch 16: each must be"),
        (["--min_batch", "0"], "--min_batch must be 1 or more"),
        (["--workspace_mb", "0"], "--workspace_mb must be 1 or more"),
        (["--targets", "8.6"], "--targets is for --library tensorrt_rtx"),
        (["--library", "tensorrt_rtx"], "no tensorrt_rtx is installed"),
        (["--library", "openvino"], "invalid choice: 'openvino'"),
        (["--output", "out/model.onnx"], "--output out/model.onnx: the runtime knows plans by"),
        (["--output", "/dev/null/a.plan"], "can't make its folder"),
        (["--onnx", "best.safetensors"], "must be an .onnx file; make one with `python -m export"),
        (["--onnx", "model.plan"], "--onnx model.plan: must be an .onnx file"),
        (["--onnx", "none.onnx"], "--onnx none.onnx: no such file"),
    ],
)
def test_mistakes_are_told_before_anything_slow(
    use: Callable[..., FakeBuilder],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    fake = use()
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    assert run_command(main, ["--onnx", str(source), *flags]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not captured.out
    assert "file" not in fake.asked
    assert _names(tmp_path) == {"tiny.onnx", "tiny.json"}


def test_a_profile_is_checked_without_a_command_line(tmp_path: Path) -> None:
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    with pytest.raises(UserError, match="each must be 1 or more"):
        build_plan(PlanOptions(str(source), min_batch=0))


def test_files_in_use_are_not_written_over(use: Callable[..., FakeBuilder], tmp_path: Path) -> None:
    use()
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    with pytest.raises(UserError, match="--timing_cache .* would overwrite"):
        build_plan(PlanOptions(str(source), timing_cache=str(source)))


def test_unknown_targets(use: Callable[..., FakeBuilder], tmp_path: Path) -> None:
    use("tensorrt_rtx", "1.7.1", NO_GPU)
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    with pytest.raises(UserError, match=r"--targets '8\.7': .* builds for 7\.5, 8\.9, 12\.0"):
        build_plan(PlanOptions(str(source), targets="8.9,8.7"))


def test_models_that_are_no_plan_to_be(use: Callable[..., FakeBuilder], tmp_path: Path) -> None:
    fake = use()
    bare = write_tiny_onnx(tmp_path / "bare.onnx", manifest=None)
    with pytest.raises(ManifestError, match="no manifest"):
        build_plan(PlanOptions(str(bare)))
    other = write_tiny_onnx(tmp_path / "other.onnx", size=48)
    with pytest.raises(ManifestError, match="its manifest says"):
        build_plan(PlanOptions(str(other)))
    cpu = replace(TINY, precision="int8", quantization={"target": "cpu"})
    with pytest.raises(UserError, match="INT8 for the CPU; a plan needs"):
        build_plan(PlanOptions(str(write_tiny_onnx(tmp_path / "cpu.onnx", cpu))))
    assert "file" not in fake.asked
    assert not list(tmp_path.glob("*.plan*"))


@pytest.mark.parametrize(
    ("name", "version", "opset", "newest"),
    [
        ("tensorrt", "10.3.0", 21, 20),
        ("tensorrt", "11.0.0", 25, 24),
        ("tensorrt_rtx", "1.7", 25, 24),
    ],
)
def test_graphs_are_checked_before_the_build(
    use: Callable[..., FakeBuilder],
    tmp_path: Path,
    name: str,
    version: str,
    opset: int,
    newest: int,
) -> None:
    import onnx

    fake = use(name, version)
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    model = onnx.load(source)
    model.opset_import[0].version = opset
    onnx.save(model, source)
    with pytest.raises(UserError, match=f"opset {opset}: TensorRT's parser takes 9 to {newest}"):
        build_plan(PlanOptions(str(source)))
    assert "file" not in fake.asked


def _fill_disk(monkeypatch: pytest.MonkeyPatch, on: Callable[[bytes], bool]) -> None:
    """Writes half of a file's bytes, then fails as a full disk does."""
    write_bytes = Path.write_bytes

    def half(self: Path, data: bytes) -> int:
        if not on(data):
            return write_bytes(self, data)
        write_bytes(self, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)


@pytest.mark.parametrize("at", ["plan", "sidecar"])
def test_a_full_disk_leaves_nothing_half(
    use: Callable[..., FakeBuilder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    use()
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    if at == "plan":
        _fill_disk(monkeypatch, lambda data: data == b"a plan")
    else:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(publishing, "write_sidecar", full)
    with pytest.raises(UserError, match=r"tiny\.plan: No space left on device$"):
        build_plan(PlanOptions(str(source)))
    assert _names(tmp_path) == {"tiny.onnx", "tiny.json"}
    older = {"tiny.plan": "older plan", "tiny.plan.json": "older sidecar"}
    for name, text in older.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match="No space left"):
        build_plan(PlanOptions(str(source)))
    assert {name: (tmp_path / name).read_text() for name in older} == older
    assert _names(tmp_path) == {"tiny.onnx", "tiny.json", *older}


# --- library and GPU -------------------------------------------------------------------------


def test_no_library_names_both_and_when(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    assert run_command(main, ["--onnx", str(source)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "take tensorrt (in JetPack" in error
    assert "tensorrt-rtx (pip install tensorrt-rtx) to build without a GPU" in error


# --- on a device -----------------------------------------------------------------------------


def test_a_device_needs_neither_torch_nor_onnx(tmp_path: Path) -> None:
    source = write_tiny_onnx(tmp_path / "tiny.onnx")
    code = (
        "import sys\n"
        "from tests.support.fake_builder import FakeBuilder\n"
        "import export.to_plan\n"
        "assert not {'torch', 'timm', 'onnx', 'train'} & set(sys.modules)\n"
        "for name in ('torch', 'timm', 'onnx', 'train'):\n"
        "    sys.modules[name] = None\n"
        "sys.modules['tensorrt'] = FakeBuilder()\n"
        f"export.to_plan.main(['--onnx', {str(source)!r}])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("onnx is not installed: TensorRT's parser alone checks the graph")
    assert json.loads((tmp_path / "tiny.plan.json").read_text())["plan"]["library"] == "tensorrt"


def test_the_parsers_view_of_a_baked_batch(use: Callable[..., FakeBuilder], tmp_path: Path) -> None:
    fake = use()
    fake.shape = (2, 3, 32, 32)
    with pytest.raises(UserError, match="a batch is baked into it"):
        build_plan(PlanOptions(str(write_tiny_onnx(tmp_path / "tiny.onnx"))))
