"""The manifest beside an artifact."""

import os
from dataclasses import replace

import pytest

from runtime.engines.sidecar import read_sidecar, write_sidecar
from runtime.errors import ManifestError
from runtime.manifest import sidecar_path
from tests.conftest import TINY
from tests.support.limited import run_limited


def test_sidecar_belongs_to_its_file(tmp_path):
    artifact = tmp_path / "emotion.onnx"
    artifact.write_bytes(b"weights")
    assert read_sidecar(artifact) is None
    assert write_sidecar(TINY, artifact) == sidecar_path(artifact) == tmp_path / "emotion.json"
    loaded = read_sidecar(artifact)
    assert loaded is not None
    assert replace(loaded, sha256=None) == TINY
    artifact.write_bytes(b"others")
    with pytest.raises(ManifestError, match="another file"):
        read_sidecar(artifact)


def test_a_plan_and_the_onnx_file_it_came_from_have_sidecars_of_their_own(tmp_path):
    onnx, plan = tmp_path / "emotion.fp16.onnx", tmp_path / "emotion.fp16.plan"
    assert sidecar_path(onnx) == tmp_path / "emotion.fp16.json"
    assert sidecar_path(plan) == tmp_path / "emotion.fp16.plan.json"


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "huge", "latin", "loop"])
def test_sidecars_that_are_no_text_neither_hang_nor_fill_the_memory(tmp_path, kind):
    artifact = tmp_path / "emotion.onnx"
    artifact.write_bytes(b"weights")
    path = sidecar_path(artifact)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.write_bytes(TINY.to_json().encode() + b"\xff")
    code = (
        "import sys\nfrom pathlib import Path\nfrom runtime.engines.sidecar import read_sidecar\n"
        "from runtime.errors import ManifestError\n"
        "try: read_sidecar(Path(sys.argv[1]))\nexcept ManifestError as e: print(e)"
    )
    done = run_limited(code, artifact, megabytes=512, seconds=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(path))
    assert done.stdout.count("\n") == 1
