"""What is in the wheel, and that it runs without the checkout."""

from __future__ import annotations

import email
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

import runtime
from tests.conftest import PORTRAIT, REPO
from tests.packaging.conftest import HOSTILE, Run

SCRIPTS = ("emotion-webcam", "emotion-predict", "emotion-doctor")


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_it_holds_the_runtime_and_its_public_face_alone(names: set[str]) -> None:
    info = f"emotion_edge-{runtime.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"runtime", "emotion_edge", info}


def test_it_holds_every_module_and_all_that_they_read(names: set[str]) -> None:
    done = subprocess.run(
        ["git", "ls-files", "runtime", "emotion_edge"], cwd=REPO, capture_output=True, text=True
    )
    tracked = done.stdout.split() or [
        str(path.relative_to(REPO))
        for top in ("runtime", "emotion_edge")
        for path in (REPO / top).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    # The device has no use for the checkpoint.
    wanted = {name for name in tracked if (REPO / name).is_file()} - {
        "runtime/models/emotion.safetensors"
    }
    held = {name for name in names if ".dist-info/" not in name}
    assert held == wanted


def test_its_metadata(wheel: Path, names: set[str]) -> None:
    (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    with zipfile.ZipFile(wheel) as opened:
        metadata = email.message_from_bytes(opened.read(f"{info}/METADATA"))
        scripts = opened.read(f"{info}/entry_points.txt").decode()
    assert metadata["Version"] == runtime.__version__
    assert metadata["Requires-Python"]
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/runtime/models/centerface.LICENSE"} <= (
        names
    )
    for name in SCRIPTS:
        assert f"{name} = " in scripts
    needs = [need for need in metadata.get_all("Requires-Dist") if "extra ==" not in need]
    assert not any(need.startswith(("torch", "timm", "onnx>", "tensorrt")) for need in needs)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_the_script(run: Run, script: str) -> None:
    done = run(script, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {script} ")
    wrong = run(script, "--bogus")
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert f"(see {script} --help)" in wrong.stderr


def test_the_demo_runs(run: Run, tmp_path: Path) -> None:
    out, video = tmp_path / "demo.jsonl", tmp_path / "demo.mp4"
    done = run(
        "emotion-webcam", "--source", "demo", "--headless", "--max_frames", "5",
        "--output_json", out, "--output_video", video,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(out.read_text().splitlines()) == 5
    assert video.stat().st_size


def test_predict_finds_a_face(run: Run) -> None:
    done = run("emotion-predict", PORTRAIT, "--output_json", "-")
    assert done.returncode == 0, done.stderr
    (face,) = json.loads(done.stdout)["faces"]
    assert face["emotion"] == "happiness"


def test_the_doctor_is_content(run: Run) -> None:
    done = run("emotion-doctor", "--json", "--trial_s", "0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"]
    assert report["engine"]["labels"]


def test_the_public_names_resolve_and_load_nothing_heavy(run: Run) -> None:
    code = (
        # -c puts the current folder on the path, which a program of the user's need not.
        "import sys; sys.path.remove('')\n"
        "import emotion_edge\n"
        "print([m for m in ('cv2', 'numpy', 'onnxruntime', 'yaml') if m in sys.modules])\n"
        "names = [n for n in emotion_edge.__all__ if getattr(emotion_edge, n, None) is None]\n"
        "print(names, emotion_edge.__version__, emotion_edge.__file__)\n"
    )
    done = run("python", "-c", code)
    heavy, rest = done.stdout.splitlines()
    assert heavy == "[]", done.stderr
    assert rest.startswith(f"[] {runtime.__version__} "), done.stderr
    assert str(REPO) not in rest


def test_the_library_reads_a_picture(run: Run, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "from emotion_edge import EmotionRecognizer\n"
        "with EmotionRecognizer() as recognizer:\n"
        "    print(recognizer.predict(sys.argv[1]).faces[0].emotion)\n"
    )
    done = run("python", program, PORTRAIT)
    assert done.stdout == "happiness\n", done.stderr


def test_the_hostile_modules_would_be_seen(run: Run) -> None:
    """Without this the tests above could not fail."""
    for name in HOSTILE:
        done = run("python", "-c", f"import {name.removesuffix('.py')}")
        assert "of the current folder was imported" in done.stderr


def test_a_plan_is_built_again_without_what_lies_in_the_folder(run: Run, tmp_path: Path) -> None:
    for suffix in (".onnx", ".json"):
        shutil.copy(REPO / "runtime" / "models" / f"emotion{suffix}", tmp_path)
    (tmp_path / "emotion.plan").write_bytes(b"of another machine")
    done = run("emotion-predict", PORTRAIT, "--engine", tmp_path / "emotion.plan", "--rebuild")
    assert "current folder" not in done.stdout + done.stderr
    # What is left to object to is this machine: no TensorRT, or no GPU.
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
