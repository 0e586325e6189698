import os
import subprocess
import sys
from dataclasses import replace

import pytest

from runtime.engines.factory import open_engine
from runtime.engines.sidecar import read_sidecar, write_sidecar
from runtime.engines.trt import plan
from runtime.engines.trt.plan import PlanError
from runtime.errors import EngineError
from runtime.manifest import sidecar_path
from runtime.pipeline.pipeline import Pipeline
from runtime.predict import main as predict
from runtime.support.cli import run_command
from runtime.webcam import main as webcam
from tests.conftest import PORTRAIT, REPO, write_tiny_onnx
from tests.support.fake_gpu import Error

BUILD = "`emotion-webcam --engine"


def refused(path) -> EngineError:
    """The error of opening a plan: one line, and no GPU memory left behind."""
    with pytest.raises(EngineError) as error:
        open_engine(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return error.value


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"version": "10.2.0"}, ["built with tensorrt 10.2.0", "this machine has 10.3.0"]),
        ({"version": "11.0.0"}, ["built with tensorrt 11.0.0"]),
        ({"library": "tensorrt_rtx", "version": "1.6.0"}, ["tensorrt_rtx 1.6.0", "1.7.1.116"]),
        ({"library": "tensorflow"}, ["'tensorflow'"]),
        ({"gpu": "NVIDIA H100"}, ["built for NVIDIA H100", "this GPU is Orin"]),
        ({"compute_capability": "9.0"}, ["Orin, compute capability 9.0", "this Orin (8.7)"]),
        ({"compute_capability": ["7.5", "8.6"], "gpu": None}, ["capability 7.5, 8.6", "(8.7)"]),
        ({"compute_capability": "8.70", "gpu": None}, ["capability 8.70"]),
        ({"compute_capability": None}, ["doesn't say the plan's compute_capability"]),
        ({"library": None}, ["doesn't say the plan's library"]),
        ({"version": ""}, ["doesn't say the plan's version"]),
    ],
)
def test_a_plan_for_elsewhere_is_refused_with_the_command_that_mends_it(
    gpu, make_plan, made, words
):
    path = make_plan(**made)
    error = refused(path)
    assert isinstance(error, PlanError)
    for word in words:
        assert word in str(error)
    assert str(error).endswith(f"{BUILD} {path} --rebuild`")
    assert not gpu.cudart.calls["cudaMalloc"]


@pytest.mark.parametrize(
    "made",
    [
        {},
        {"version": "10.3.9"},
        {"gpu": None},
        {"compute_capability": ["7.5", "8.7"]},
        {"compute_capability": ["7.5", "8.7"], "gpu": "built on another"},
        {"library": "tensorrt_rtx", "version": "1.7.0.5"},
    ],
)
def test_a_plan_for_this_machine_opens(gpu, make_plan, made):
    open_engine(make_plan(**made)).close()


def test_no_manifest(gpu, make_plan):
    path = make_plan()
    sidecar_path(path).unlink()
    error = refused(path)
    assert isinstance(error, PlanError)
    assert "no manifest beside it (tiny.fp16.plan.json)" in str(error)


def test_manifest_of_another_plan(gpu, make_plan):
    path = make_plan()
    path.write_bytes(path.read_bytes() + b" ")
    error = refused(path)
    assert isinstance(error, PlanError)
    assert "the hash differs" in str(error)
    assert BUILD in str(error)


def test_broken_manifest(gpu, make_plan):
    path = make_plan()
    sidecar_path(path).write_text("{")
    assert "not JSON" in str(refused(path))


def test_manifest_that_knows_of_no_plan(gpu, make_plan):
    path = make_plan()
    manifest = read_sidecar(path)
    assert manifest is not None
    write_sidecar(replace(manifest, plan={}), path)
    assert "doesn't say the plan's library" in str(refused(path))


def test_without_the_onnx_file_nothing_mends_it(gpu, make_plan):
    error = refused(make_plan(onnx=False, version="10.1.0"))
    assert not isinstance(error, PlanError)
    assert "put tiny.fp16.onnx beside it" in str(error)
    assert BUILD in str(error)


@pytest.mark.parametrize("onnx", [True, False])
def test_missing_and_empty_plans(gpu, make_plan, onnx):
    path = make_plan(onnx=onnx)
    path.write_bytes(b"")
    assert "the file is empty" in str(refused(path))
    path.unlink()
    error = refused(path)
    assert "no such file" in str(error)
    assert isinstance(error, PlanError) == onnx


def test_library_that_is_not_installed(gpu, make_plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    error = refused(make_plan())
    assert not isinstance(error, PlanError)  # building needs it as well
    assert "it needs tensorrt 10.3" in str(error)
    assert "pip install tensorrt" in str(error)


def test_the_other_library_is_installed(gpu, make_plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    error = refused(make_plan())
    assert isinstance(error, PlanError)
    assert "built with tensorrt, and this machine has tensorrt_rtx" in str(error)


def test_no_cuda_bindings(gpu, make_plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    monkeypatch.setitem(sys.modules, "cuda.cudart", None)
    with pytest.raises(EngineError, match="pip install cuda-bindings") as error:
        open_engine(make_plan())
    assert "\n" not in str(error.value)


def test_older_cuda_bindings(gpu, make_plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    monkeypatch.setitem(sys.modules, "cuda.cudart", gpu.cudart)
    open_engine(make_plan()).close()


@pytest.mark.parametrize("missing", ["GPU", "driver"])
def test_no_gpu_is_one_line(gpu, make_plan, missing):
    if missing == "GPU":
        gpu.cudart.devices = 0
    else:
        gpu.cudart.fail["cudaGetDeviceCount"] = Error.cudaErrorInsufficientDriver
    error = refused(make_plan())
    assert not isinstance(error, PlanError)
    assert "no NVIDIA GPU" in str(error)
    assert "use the .onnx" in str(error)
    assert ("cudaErrorInsufficientDriver" in str(error)) == (missing == "driver")


def test_paths_in_the_command_can_be_pasted(gpu, make_plan, tmp_path):
    (tmp_path / "my models").mkdir()
    error = refused(make_plan("my models/a.engine", version="9.0"))
    folder = tmp_path / "my models"
    assert f"{BUILD} '{folder}/a.engine' --rebuild`" in str(error)


def test_a_plan_does_not_run_on_openvino(gpu, make_plan):
    with pytest.raises(EngineError, match="--provider openvino can't run"):
        open_engine(make_plan(), "openvino")


def test_rebuild_builds_and_opens(gpu, make_plan, monkeypatch):
    path = make_plan(version="10.1.0")
    commands = []

    def run(command, **kwargs):
        commands.append(command)
        make_plan()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(PlanError):
        open_engine(path)
    assert not commands
    open_engine(path, rebuild=True).close()
    onnx = str(path.with_suffix(".onnx"))
    (command,) = commands
    assert command[:2] == [sys.executable, "-I"]
    assert command[-2:] == [onnx, str(path)]
    open_engine(path, rebuild=True).close()  # it suits now
    assert len(commands) == 1


def test_a_plan_that_still_does_not_suit_is_not_built_for_ever(gpu, make_plan, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda c, **_: subprocess.CompletedProcess(c, 0))
    with pytest.raises(PlanError, match=r"10\.1\.0"):
        open_engine(make_plan(version="10.1.0"), rebuild=True)


@pytest.mark.parametrize("started", ["-c", "-m"])
def test_a_rebuild_imports_nothing_from_the_users_folder(tmp_path, started):
    """Modules of the same names there would run as the user, or take a part's place."""
    tensorrt_rtx = pytest.importorskip(
        "tensorrt_rtx", reason="needs tensorrt-rtx, which is for x86-64 alone"
    )
    folder = tmp_path / "user"
    folder.mkdir()
    for name in ("export", "train", "json", "tensorrt", "numpy"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    path = write_tiny_onnx(folder / "tiny.onnx").with_suffix(".plan")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from runtime.engines.trt.plan import rebuild_plan\n"
        f"sys.path.insert(0, {'' if started == '-c' else str(folder)!r})\n"
        f"rebuild_plan(Path({path.name!r}))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(REPO)!r})\n{code}"],
        capture_output=True,
        text=True,
        cwd=folder,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "parsed and built, not run" in done.stderr
    manifest = read_sidecar(path)
    assert manifest is not None
    assert manifest.plan["version"] == tensorrt_rtx.__version__
    assert not (tmp_path / "ran").exists()


def _print_and_fail(path):
    return [
        sys.executable,
        "-c",
        "import sys; print('layer 1'); print('no space', file=sys.stderr); sys.exit(3)",
    ]


@pytest.mark.parametrize("command", [webcam, predict])
def test_a_failing_rebuild_is_one_line_after_the_builders_own(
    gpu, make_plan, monkeypatch, capfd, command
):
    monkeypatch.setattr(plan, "rebuild_command", _print_and_fail)
    path = make_plan(version="10.1.0")
    source = [str(PORTRAIT)] if command is predict else ["--source", "demo", "--headless"]
    assert run_command(command, [*source, "--engine", str(path), "--rebuild"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "layer 1" in err
    assert "no space" in err
    (last,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert "failed with exit code 3 (see above)" in last


@pytest.mark.parametrize("command", [webcam, predict])
def test_without_rebuild_the_commands_refuse_in_a_line(gpu, make_plan, capsys, command):
    path = make_plan(gpu="NVIDIA H100")
    # A camera that doesn't exist: the plan must be refused before it is opened.
    source = [str(PORTRAIT)] if command is predict else ["--camera_id", "95", "--headless"]
    assert run_command(command, [*source, "--engine", str(path)]) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error:")]
    assert "built for NVIDIA H100" in line
    assert BUILD in line


def test_the_pipeline_runs_a_plan(gpu, make_plan):
    with Pipeline(["demo"], make_plan(), max_frames=4) as pipeline:
        results = list(pipeline)
    assert len(results) == 4
    assert any(result.faces for result in results)
    assert gpu.trt.runs
    assert not gpu.cudart.live


def test_help_loads_nothing_heavy():
    code = (
        "import sys, contextlib; from runtime.{0} import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print([m for m in ('numpy', 'cv2', 'onnxruntime', 'yaml') if m in sys.modules])"
    )
    for name in ("webcam", "predict"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(name)],
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
        )
        assert "{cpu,cuda,tensorrt,openvino}" in done.stdout
        assert done.stdout.splitlines()[-1] == "[]", done.stderr
