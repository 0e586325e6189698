"""Publishing: whoever is killed at whatever step, the old or the new artifact opens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from runtime.engines import publishing
from runtime.engines.factory import open_engine
from runtime.engines.publishing import publish
from runtime.engines.sidecar import read_sidecar, write_sidecar
from runtime.errors import EngineError, ManifestError, UserError
from runtime.manifest import Manifest, file_hash, sidecar_path
from tests.conftest import REPO, TINY, write_tiny_onnx

#: Forks for each step of publishing and ends the child there as kill -9 would: at every
#: file that is opened, renamed or removed. What it leaves is kept in a folder of its own.
_KILLED = """
import os, shutil, sys
from pathlib import Path
from runtime.engines.publishing import publish
from runtime.manifest import Manifest
start, new, states, name = map(Path, sys.argv[1:])
manifest = Manifest.from_json((new / "manifest").read_text())
data = (new / name).read_bytes()
publish(data, manifest, states / name)  # loads what it needs
for step in range(200):
    folder = states / str(step)
    shutil.copytree(start, folder)
    child = os.fork()
    if not child:
        seen = 0
        def hook(event, arguments):
            global seen
            if event in ("open", "os.rename", "os.remove"):
                seen += 1
                if seen > step:
                    os._exit(9)
        sys.addaudithook(hook)
        publish(data, manifest, folder / name)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 9:
        print(step)
        sys.exit(code)
"""


def kill_at_each_step(tmp_path: Path, start: Path, new: Path, name: str) -> list[Path]:
    """Folders that publishing left, killed at its first step, second step, and so on.

    Args:
        tmp_path: Where they go.
        start: Folder before publishing.
        new: Folder with the new artifact, and its manifest in the file `manifest`.
        name: The artifact's name.
    """
    states = tmp_path / "states"
    states.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, *map(str, (start, new, states)), name],
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [states / str(step) for step in range(int(done.stdout) + 1)]


OLD, NEW = replace(TINY, temperature=2.0), replace(TINY, temperature=3.0)


def opens_as_the_old_or_the_new_one(
    tmp_path: Path, start: Path, new: Path, name: str
) -> tuple[int, Path]:
    """Opens what each step leaves: (number of steps, the folder of the last)."""
    found = []
    for folder in kill_at_each_step(tmp_path, start, new, name):
        engine = open_engine(folder / name)
        found.append(engine.manifest.temperature)
        engine.close()
    assert found[0] == 2.0
    assert found[-1] == 3.0
    assert found == sorted(found)
    return len(found), folder


@pytest.mark.parametrize("sidecar", [True, False])
def test_an_onnx_model_opens_as_the_old_or_the_new_one(tmp_path: Path, sidecar: bool) -> None:
    start, new = tmp_path / "start", tmp_path / "new"
    for folder, manifest in ((start, OLD), (new, NEW)):
        folder.mkdir()
        write_tiny_onnx(folder / "m.onnx", manifest)
    if not sidecar:
        (start / "m.json").unlink()
    (new / "manifest").write_text(NEW.to_json())
    steps, folder = opens_as_the_old_or_the_new_one(tmp_path, start, new, "m.onnx")
    assert steps > 8
    assert {p.name for p in folder.iterdir()} == {"m.onnx", "m.json"}
    assert "previous" not in (folder / "m.json").read_text()


def test_a_plan_opens_as_the_old_or_the_new_one(
    tmp_path: Path, gpu: SimpleNamespace, make_plan: Callable[..., Path]
) -> None:
    start, new = tmp_path / "start", tmp_path / "new"
    for folder, manifest, batch in ((start, OLD, 2), (new, NEW, 1)):
        folder.mkdir()
        content = {"profile": [batch, 4, 5]}
        plan = make_plan("m.plan", manifest=manifest, onnx=False, content=content)
        for file in (plan, sidecar_path(plan)):
            shutil.move(file, folder / file.name)
    described = read_sidecar(new / "m.plan")
    assert described is not None
    (new / "manifest").write_text(described.to_json())
    _, folder = opens_as_the_old_or_the_new_one(tmp_path, start, new, "m.plan")
    assert {p.name for p in folder.iterdir()} == {"m.plan", "m.plan.json"}


def test_publishing_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    start, new = tmp_path / "start", tmp_path / "new"
    for folder, manifest in ((start, OLD), (new, NEW)):
        folder.mkdir()
        write_tiny_onnx(folder / "m.onnx", manifest)
    (new / "manifest").write_text(NEW.to_json())
    newest = replace(TINY, temperature=4.0)
    data = write_tiny_onnx(tmp_path / "newest.onnx", newest).read_bytes()
    for folder in kill_at_each_step(tmp_path, start, new, "m.onnx"):
        publish(data, newest, folder / "m.onnx")
        beside = read_sidecar(folder / "m.onnx")
        assert beside is not None
        assert beside.temperature == 4.0


def test_an_artifact_that_is_new_comes_with_its_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "tiny.plan"
    publish(b"a plan", TINY, path)
    assert path.read_bytes() == b"a plan"
    beside = read_sidecar(path)
    assert beside == replace(TINY, sha256=file_hash(path))
    assert {p.name for p in tmp_path.iterdir()} == {"tiny.plan", "tiny.plan.json"}


@pytest.mark.parametrize("older", [True, False])
def test_ctrl_c_while_writing_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, older: bool
) -> None:
    path = tmp_path / "tiny.plan"
    if older:
        publish(b"older", TINY, path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("write_sidecar", "describe_present"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(publishing, step, interrupt)
            publish(b"a plan", TINY, path)
        assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        replaced = os.replace

        def rename(source: Path, target: Path) -> None:
            if target == path:
                raise KeyboardInterrupt
            replaced(source, target)

        patched.setattr(os, "replace", rename)
        publish(b"a plan", TINY, path)
    beside = read_sidecar(path) if older else None
    assert (beside is not None) == older
    assert {p.name for p in tmp_path.iterdir()} == set(before)


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "tiny.plan"
    publish(b"a plan", TINY, path)
    assert read_sidecar(path) == replace(TINY, sha256=file_hash(path))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"tiny\.plan: (File exists|Not a directory)$"):
        publish(b"a plan", TINY, tmp_path / "file" / "tiny.plan")


def test_a_third_file_is_refused_also_while_publishing(make_onnx: Callable[..., Path]) -> None:
    path = make_onnx()
    previous = replace(TINY, sha256="1" * 64).to_object()
    write_sidecar(TINY, path, "0" * 64, previous)
    with pytest.raises(ManifestError, match="describes another file"):
        open_engine(path)
    previous["sha256"] = file_hash(path)
    write_sidecar(TINY, path, "0" * 64, previous)
    open_engine(path).close()
    previous["temperature"] = 9.0
    write_sidecar(TINY, path, "0" * 64, previous)
    with pytest.raises(ManifestError, match="contradicts"):
        open_engine(path)


@pytest.mark.parametrize("previous", [3, [], "x", {}, {"sha256": 3}, {"sha256": None}])
def test_what_was_before_may_be_malformed(make_onnx: Callable[..., Path], previous: object) -> None:
    path = make_onnx()
    write_sidecar(TINY, path, previous=previous)
    open_engine(path).close()
    write_sidecar(TINY, path, "0" * 64, previous)
    with pytest.raises(ManifestError, match="describes another file"):
        open_engine(path)


def test_a_model_that_is_published_between_reading_it_and_its_sidecar_opens(
    make_onnx: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.engines import package

    path = make_onnx(manifest=OLD)
    data = write_tiny_onnx(tmp_path / "new.onnx", NEW).read_bytes()
    read, times = package.read_sidecar, 0

    def publish_first(file: Path, sha256: str) -> Manifest | None:
        nonlocal times
        times += 1
        if times == 1:
            publish(data, NEW, path)
        return read(file, sha256)

    monkeypatch.setattr(package, "read_sidecar", publish_first)
    engine = open_engine(path)
    assert engine.manifest.temperature == 3.0
    engine.close()
    assert times == 2


def test_two_processes_that_publish_leave_a_pair(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom dataclasses import replace\nfrom pathlib import Path\n"
        "from runtime.engines.publishing import publish\nfrom runtime.manifest import Manifest\n"
        "for i in range(40):\n"
        "    data = (sys.argv[2] + str(i)).encode()\n"
        "    publish(data, Manifest(temperature=float(sys.argv[2])), Path(sys.argv[1]))\n"
    )
    path = tmp_path / "m.plan"
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path), number], env=env)
        for number in ("1", "2")
    ]
    assert [process.wait(60) for process in started] == [0, 0]
    beside = read_sidecar(path)
    assert beside is not None
    assert path.read_text()[0] == f"{beside.temperature:g}"


def test_the_error_of_a_tampered_plan_stays(
    gpu: SimpleNamespace, make_plan: Callable[..., Path]
) -> None:
    path = make_plan()
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(EngineError, match="the hash differs"):
        open_engine(path)


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    data = write_tiny_onnx(tmp_path / "a.onnx").read_bytes()
    path = tmp_path / "new" / "folder" / "emotion.onnx"
    publish(data, TINY, path)
    assert {p.name for p in path.parent.iterdir()} == {"emotion.onnx", "emotion.json"}
    open_engine(path).close()
