import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from runtime import doctor
from runtime.doctor import main
from runtime.engines.emotion_engine import EmotionEngine
from runtime.engines.sidecar import read_sidecar, write_sidecar
from runtime.errors import EngineError
from runtime.manifest import file_hash
from runtime.support.cli import run_command
from tests.conftest import REPO, TINY


def report(capsys, *argv: object) -> tuple[int, dict]:
    code = run_command(main, ["--json", "--trial_s", "0", *map(str, argv)])
    return code, json.loads(capsys.readouterr().out)


def status_of(checks, name: str) -> str:
    (check,) = [c for c in checks if (c["name"] if isinstance(c, dict) else c.name) == name]
    return check["status"] if isinstance(check, dict) else check.status


def test_a_sound_machine_and_model(tiny_engine, capsys):
    code, found = report(capsys, "--engine", tiny_engine)
    assert code == 0
    assert found["ok"]
    assert found["engine"]["labels"][0] == "neutral"
    assert found["engine"]["input"] == [3, 32, 32]
    assert found["engine"]["latency_ms"] > 0
    assert "1 thread" in found["engine"]["name"]
    assert status_of(found["checks"], "run") == "ok"
    assert status_of(found["checks"], "proof") == "warning"  # the small model has none


def test_text_is_a_line_for_each_check(capsys):
    assert run_command(main, ["--trial_s", "0"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in out} <= {"ok", "warning"}
    assert {line.split()[1] for line in out} >= {"system", "numpy", "engine", "proof", "run"}
    assert any("a batch of one takes" in line for line in out)


def test_a_trial_predicts_the_frame_rate(tiny_engine, capsys):
    code, found = report(capsys, "--engine", tiny_engine, "--trial_s", 1)
    assert code == 0
    assert status_of(found["checks"], "trial") == "ok"
    trial = found["engine"]["trial"]
    assert trial["fps"] > 0
    assert trial["faces_per_frame"] >= 1
    assert trial["latency_ms"]["p50"] <= trial["latency_ms"]["p99"]


def test_a_slow_start_takes_nothing_from_the_trial(tiny_engine, monkeypatch, capsys):
    from runtime.pipeline import pipeline

    late = [0.0]

    class Slow(pipeline.Pipeline):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            late[0] += 100

    clock = SimpleNamespace(
        monotonic=lambda: time.monotonic() + late[0], perf_counter=time.perf_counter
    )
    monkeypatch.setattr(doctor, "time", clock)
    monkeypatch.setattr(pipeline, "Pipeline", Slow)
    _, found = report(capsys, "--engine", tiny_engine, "--trial_s", 1)
    assert status_of(found["checks"], "trial") == "ok"
    assert found["engine"]["trial"]["frames"] > 1


def test_a_problem_is_exit_code_2_after_the_whole_report(tmp_path, capsys):
    assert run_command(main, ["--engine", str(tmp_path / "nope.onnx")]) == 2
    out, err = capsys.readouterr()
    assert "ok       numpy" in out
    assert "problem  engine" in out.splitlines()[-1]
    assert "no such file" in out
    assert err.strip() == "error: 1 problem found (see above)"


def test_json_is_one_object_also_with_a_problem(tmp_path, capsys):
    code, found = report(capsys, "--engine", tmp_path / "nope.onnx")
    assert code == 2
    assert not found["ok"]
    assert found["engine"] == {}
    assert status_of(found["checks"], "engine") == "problem"


@pytest.mark.parametrize("threads", ["0", "1000"])
def test_threads_out_of_range_are_a_problem(capsys, threads):
    assert report(capsys, "--threads", threads)[0] == 2


def test_a_plan_for_this_machine(gpu, make_plan, capsys):
    plan = make_plan()
    manifest = read_sidecar(plan)
    assert manifest is not None
    source = file_hash(plan.with_suffix(".onnx"))
    write_sidecar(replace(manifest, plan={**manifest.plan, "onnx_sha256": source}), plan)
    code, found = report(capsys, "--engine", plan)
    assert code == 0
    assert found["engine"]["plan"]["version"] == "10.3.0"
    assert status_of(found["checks"], "source") == "ok"
    (line,) = [c["detail"] for c in found["checks"] if c["name"] == "gpu"]
    assert line.startswith("Orin, compute capability 8.7")
    assert line.endswith("CUDA up to 12.6")
    assert not gpu.cudart.live


def test_a_plan_of_another_onnx_file_is_a_warning(gpu, make_plan, capsys):
    plan = make_plan()
    code, found = report(capsys, "--engine", plan)
    assert code == 0
    assert status_of(found["checks"], "source") == "warning"
    (line,) = [c["detail"] for c in found["checks"] if c["name"] == "source"]
    assert "`emotion-webcam --engine " in line
    plan.with_suffix(".onnx").unlink()
    assert "is missing" in str(report(capsys, "--engine", plan)[1]["checks"])


def test_a_plan_for_elsewhere_is_a_problem(gpu, make_plan, capsys):
    code, found = report(capsys, "--engine", make_plan(gpu="NVIDIA H100"))
    assert code == 2
    assert "built for NVIDIA H100" in found["checks"][-1]["detail"]


def test_a_model_that_cannot_run_is_a_problem(gpu, make_plan, capsys):
    gpu.trt.fail.add("execute")
    code, found = report(capsys, "--engine", make_plan())
    assert code == 2
    assert status_of(found["checks"], "run") == "problem"
    assert not gpu.cudart.live


def test_outputs_that_are_no_numbers_are_a_problem(tiny_engine, monkeypatch, capsys):
    monkeypatch.setattr(
        EmotionEngine, "infer", lambda self, batch: {"logits": np.full((1, 8), np.nan, np.float32)}
    )
    code, found = report(capsys, "--engine", tiny_engine)
    assert code == 2
    assert status_of(found["checks"], "run") == "problem"


def test_it_changes_nothing(make_onnx, tmp_path, capsys):
    path = make_onnx(manifest=TINY)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert report(capsys, "--engine", path)[0] == 0
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_the_engine_is_closed_when_looking_fails(gpu, make_plan, monkeypatch):
    def fail(self, batch):
        raise EngineError("no")

    monkeypatch.setattr(EmotionEngine, "infer", fail)
    assert run_command(main, ["--trial_s", "0", "--engine", str(make_plan())]) == 2
    assert not gpu.cudart.live


def test_help_loads_nothing_heavy():
    code = (
        "import sys, contextlib; from runtime.doctor import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print([m for m in ('numpy', 'cv2', 'onnxruntime', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_a_models_own_words_reach_the_terminal_escaped(make_onnx, capsys):
    evil = "\x1b[2J\x7f\u202e\x9b31m"
    manifest = replace(TINY, proof={"note": evil}, metrics={evil: 1}, plan={"onnx_sha256": evil})
    assert run_command(main, ["--engine", str(make_onnx(manifest=manifest)), "--trial_s", "0"]) == 0
    shown = capsys.readouterr().out
    assert "note" in shown
    assert not set(evil) & {"\x1b", "\x7f", "\u202e", "\x9b"} & set(shown)
    lines = shown.splitlines()
    assert all(line.isprintable() for line in lines)


def test_a_source_beside_a_plan_that_is_no_file_is_a_warning(gpu, make_plan, capsys):
    plan = make_plan()
    onnx = plan.with_suffix(".onnx")
    onnx.unlink()
    os.mkfifo(onnx)
    code, found = report(capsys, "--engine", plan)
    assert code == 0
    assert "not a regular file" in str(found["checks"])
