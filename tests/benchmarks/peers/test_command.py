"""The peers' protocol with small real scripts in their place: no network, no package of theirs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.peers import environments
from benchmarks.peers.__main__ import PROG, Options, main
from benchmarks.peers.catalogue import ADAPTERS, BASE, OURS, PEERS, Peer, choose, our_label
from benchmarks.peers.conversation import Conversation
from benchmarks.peers.environments import MARK, Environment, prepare
from benchmarks.peers.figures import make_rows
from benchmarks.peers.material import Material, write_material
from benchmarks.peers.processes import PeerError, reason, run_quietly
from benchmarks.peers.rounds import Runner, run_rounds
from benchmarks.report.tables import peers as tables
from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from runtime.support.cli import parse_options, run_command
from tests.conftest import REPO
from tests.support.processes import heed_ctrl_c
from train.datasets.catalogue import load_faces

#: An adapter as the real ones are, but without a model: bright faces are happy.
GOOD = f"""
import sys, time
sys.path.insert(0, {str(ADAPTERS)!r})
from serve import Adapter, serve

class Fake(Adapter):
    labels, versions, backend = ("happy", "neutral"), {{"fake": "1.0"}}, "none"
    def frame(self, image):
        print("noise on standard output")
        return ["happy", "neutral"]
    def face(self, image):
        time.sleep(0.002)
        return "happy" if image.mean() > 128 else "neutral" if image.mean() > 20 else None

serve(Fake)
"""

READY = 'print(\'{"ready": true, "labels": [], "versions": {}, "backend": "", "frames": true}\')\n'


def fake(folder: Path, name: str, code: str) -> Peer:
    script = folder / f"{name}.py"
    script.write_text("import sys, time\n" + code)
    return Peer(name, script)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Eight plain faces: four bright ones, two dark and one black, of contempt too."""
    shades = {"happiness": (200, 210, 220, 90), "neutral": (80, 90, 0), "contempt": (100,)}
    for name, values in shades.items():
        folder = tmp_path / "data" / "valid" / name
        folder.mkdir(parents=True)
        for number, value in enumerate(values):
            cv2.imwrite(str(folder / f"{number}.png"), np.full((24, 24, 3), value, np.uint8))
    return tmp_path / "data"


@pytest.fixture
def material(tmp_path: Path, faces: Path) -> Material:
    folder = tmp_path / "material"
    folder.mkdir()
    return write_material(folder, "demo", 5, load_faces(faces, "folder", "valid").with_majority())


def write_wheel(folder: Path) -> Path:
    """A package `pear` that pip installs."""
    path = folder / "pear-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("pear.py", "")
        wheel.writestr(
            "pear-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: pear\nVersion: 1\n"
        )
        wheel.writestr("pear-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("pear-1.dist-info/RECORD", "")
    return path


def run(peers: list[Peer], material: Material, rounds: int = 2) -> list[Runner]:
    return run_rounds(peers, material, material.folder / "none", rounds, 3.0, 1.0)


def test_labels_are_ours() -> None:
    theirs = {"angry": "anger", "Disgusted": "disgust", "fearful": "fear", "happy": "happiness"}
    theirs |= {"Sad": "sadness", "surprised": "surprise", "Contempt": "contempt"}
    for name, label in theirs.items():
        assert our_label(name) == label
    assert [our_label(label) for label in EMOTIONS] == list(EMOTIONS)
    with pytest.raises(UserError, match="'bored' is none of ours"):
        our_label("bored")


def test_every_peer_is_pinned_and_has_its_adapter() -> None:
    for peer in (*OURS, *PEERS.values()):
        assert peer.adapter.is_file()
        assert peer.licence
        assert peer.settings
    for peer in PEERS.values():
        assert peer.packages
        assert peer.lock is not None
        if peer.node:
            lock = json.loads((peer.lock / "package-lock.json").read_text())["packages"]
            assert lock.pop("")["dependencies"] == dict(p.rsplit("@", 1) for p in peer.packages)
            assert all(package["integrity"].startswith("sha512-") for package in lock.values())
            assert not any("resolved" in package for package in lock.values())
        else:
            lines = (peer.lock / "requirements.txt").read_text().splitlines()
            pinned = [line for line in lines if not line.startswith(("#", " "))]
            assert len(pinned) > len(peer.packages)
            assert all("==" in line and line.endswith("\\") for line in pinned)
    assert [peer.name for peer in choose(["fer"])] == [*(peer.name for peer in OURS), "fer"]
    assert OURS[0].name == BASE


def test_frames_and_faces_are_the_same_bytes(material: Material) -> None:
    described = json.loads((material.folder / "material.json").read_text())
    assert [clip["name"] for clip in described["clips"]] == ["1 face", "6 faces"]
    for what in (*described["clips"], described["faces"]):
        size = (material.folder / what["file"]).stat().st_size
        assert size == what["count"] * what["height"] * what["width"] * 3
    assert sorted(material.truth) == ["contempt", *["happiness"] * 4, *["neutral"] * 3]


def test_a_clip_is_of_one_size(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "0.png"), np.full((40, 60, 3), 7, np.uint8))
    cv2.imwrite(str(pictures / "1.png"), np.full((80, 80, 3), 9, np.uint8))
    clip = write_material(tmp_path, str(pictures), 10, None).clips[0]
    assert (clip["count"], clip["height"], clip["width"]) == (2, 40, 60)
    frames = np.fromfile(tmp_path / clip["file"], np.uint8).reshape(2, 40, 60, 3)
    assert (frames[0] == 7).all()
    assert frames[1, 20, 30, 0] == 9


def test_a_peer_is_measured(tmp_path: Path, material: Material) -> None:
    base = fake(tmp_path, BASE, GOOD)
    slow = fake(tmp_path, "slow", GOOD.replace("0.002", "0.02").replace("image.mean() > 128", "1"))
    rows = make_rows(run([base, slow], material), material)
    assert [row["peer"] for row in rows] == [BASE, "slow"]
    good, bad = (row["faces"] for row in rows)
    # Contempt isn't scored, the black face counts as wrong, and one happy face is dark.
    assert (good["n"], good["found"], good["accuracy"]) == (7, 6, round(5 / 7, 4))
    assert "contempt" in good["lacks"]
    assert (bad["accuracy"], bad["ours_on_the_same"]) == (round(4 / 7, 4), round(5 / 7, 4))
    assert len(bad["ratios"]) == 2
    assert bad["face_ms"] >= 20
    for clip in rows[0]["clips"]:
        assert clip["faces_found"] == 2
        assert clip["frames"] == 2 * 5
        assert clip["ratio"] == 1
    assert rows[0]["versions"] == {"fake": "1.0"}
    assert rows[0]["start_s"] > 0
    assert rows[0]["peak_memory_mb"] > 1


def test_a_slow_peer_does_fewer_frames(tmp_path: Path, material: Material) -> None:
    code = GOOD.replace('print("noise on standard output")', "time.sleep(0.3)")
    runner = run_rounds(
        [fake(tmp_path, "slow", code)], material, tmp_path, 1, limit_s=0.5, install_s=1
    )[0]
    assert runner.error is None
    assert [len(times) for times in runner.frames_ms[0]] == [2]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('no weights')", "did not start: ended with code 1: ValueError: no weig"),
        ("sys.exit()", "did not start: ended with code 0: it says nothing"),
        ("print('hello', flush=True)", "did not start: said something else: 'hello'"),
        ("print('[1]', flush=True)", "did not start: said something else: '[1]'"),
        ("print('{}', flush=True)", "did not start: said something else than that it is ready"),
        (READY.replace("[]", '["bored"]'), "did not start: its label 'bored' is none of ours"),
        (READY + "sys.stdout.flush(); input(); 1 / 0", "ended with code 1: ZeroDivisionError"),
        (READY + "input(); print('junk')", "said something else: 'junk'"),
        (READY + "input(); print('{\"index\": 1}')", 'said something else: {"index": 1}'),
        (READY + "input(); print('{\"done\": true}')", "gave no answer"),
    ],
)
def test_what_fails_is_a_row(tmp_path: Path, material: Material, code: str, said: str) -> None:
    runners = run([fake(tmp_path, BASE, GOOD), fake(tmp_path, "bad", code)], material, rounds=1)
    good, bad = make_rows(runners, material)
    assert bad["error"].startswith(said)
    assert "error" not in good
    assert "clips" not in bad


def test_a_peer_that_hangs_is_a_row_and_ends(
    tmp_path: Path, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "pid"
    code = f"import os; open({str(mark)!r}, 'w').write(str(os.getpid()))\n{READY}"
    monkeypatch.setattr("benchmarks.peers.conversation._GRACE_S", 0.2)
    peer = fake(tmp_path, "bad", code + "sys.stdout.flush(); time.sleep(100)")
    runner = run_rounds([peer], material, tmp_path, 1, limit_s=0.3, install_s=1)[0]
    assert runner.error is not None
    assert runner.error.startswith("no answer within")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


@pytest.mark.parametrize("ours", [False, True])
def test_a_peer_sees_no_token_and_has_folders_of_its_own(
    tmp_path: Path, material: Material, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    """A real child writes down all that it sees."""
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PIP_INDEX_URL", "HTTPS_PROXY", "LD_PRELOAD"):
        monkeypatch.setenv(name, "" if name == "LD_PRELOAD" else "secret")
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    seen = tmp_path / "seen.json"
    code = f"import os, json; json.dump(dict(os.environ), open({str(seen)!r}, 'w'))\n{READY}"
    script = tmp_path / "peer.py"
    script.write_text(code)
    home = None if ours else tmp_path / "home"
    peer = Peer("p", script) if ours else replace(locked(tmp_path, ""), adapter=script)
    Conversation(peer, Environment(tmp_path, sys.executable, home), material.folder).close()
    env = json.loads(seen.read_text())
    assert "secret" not in env.values()
    names = {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "HOME", "TMPDIR", "ORT_DISABLE_TELEMETRY"}
    names |= {"HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "CUDA_VISIBLE_DEVICES"}
    names |= {"TF_CPP_MIN_LOG_LEVEL", "OPENBLAS_CORETYPE"} | ({"PYTHONPATH"} if ours else set())
    assert {name for name in env if "CERT" not in name and "_CA_" not in name} <= names
    assert env["ORT_DISABLE_TELEMETRY"] == "1"
    assert env["HOME"] == (str(home) if home else env["TMPDIR"])
    assert env["HOME"] != os.environ["HOME"]
    assert not Path(env["TMPDIR"]).exists()


def test_a_reason_is_one_short_line_without_addresses() -> None:
    log = "Traceback\n  File x\nURLError: https://user:secret@host/x failed\nnpm notice bye\n\n"
    assert reason(log) == "URLError: (an address) failed"
    assert reason("") == "it says nothing"
    assert reason("\N{CHAINS} Error:  no\tweights") == "Error: no weights"
    assert len(reason("error " * 100)) == 120


def locked(folder: Path, content: str) -> Peer:
    """A peer whose lock says so."""
    lock = folder / "locks" / "p"
    lock.mkdir(parents=True, exist_ok=True)
    (lock / "requirements.in").write_text("# why\nfer==1 ; python_version < '3.14'\n")
    (lock / "requirements.txt").write_text(content)
    return Peer("p", ADAPTERS / "fer_peer.py", lock)


class TestEnvironments:
    @pytest.fixture
    def peer(self, tmp_path: Path) -> Peer:
        return locked(tmp_path, "fer==1")

    def test_made_once_and_again_for_other_packages(
        self, tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # No network here: what pip would do is left out, a virtual environment is real.
        made = []

        def install(peer: Peer, folder: Path, limit_s: float, env: dict[str, str]) -> None:
            made.append(peer.packages)
            flags = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
            run_quietly(flags, folder / "install.log", limit_s, env)

        monkeypatch.setattr(environments, "_install_python", install)
        first = prepare(peer, tmp_path, 60)
        assert first.fresh
        assert first.megabytes is not None
        again = prepare(peer, tmp_path, 60)
        assert not again.fresh
        assert again.megabytes == first.megabytes
        newer = locked(tmp_path, "fer==2")
        assert prepare(newer, tmp_path, 60).fresh
        (tmp_path / "p" / MARK).write_text("{")
        assert prepare(newer, tmp_path, 60).fresh
        assert made == [["fer==1"]] * 3

    @pytest.mark.parametrize(
        ("digest", "said"), [("0" * 64, "DO NOT MATCH THE HASHES"), (None, "installed"), ("", "")]
    )
    def test_only_what_the_lock_has_the_hash_of(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str | None, said: str
    ) -> None:
        """A wheel made here, in a lock of three kinds: another's hash, the right one, none."""
        wheel = write_wheel(tmp_path)
        right = hashlib.sha256(wheel.read_bytes()).hexdigest()
        line = f"pear @ {wheel.as_uri()}"
        if digest != "":
            line += f" --hash=sha256:{digest or right}"
        empty = tmp_path / "build.txt"
        empty.touch()
        monkeypatch.setattr(environments, "_BUILD", empty)
        peer = locked(tmp_path, line)
        if said == "installed":
            prepare(peer, tmp_path, 120)
            assert list((tmp_path / "p").glob("lib/python*/site-packages/pear.py"))
            return
        with pytest.raises(PeerError, match=f"^not installed: .*{said}"):
            prepare(peer, tmp_path, 120)
        assert not list((tmp_path / "p").glob("lib/python*/site-packages/pear.py"))

    def test_a_failed_install_is_not_trusted(self, tmp_path: Path) -> None:
        nowhere = locked(tmp_path, str(tmp_path / "none.whl"))
        with pytest.raises(PeerError, match="^not installed: "):
            prepare(nowhere, tmp_path, 120)
        assert not (tmp_path / "p" / MARK).exists()

    def test_an_install_has_a_time_limit(self, tmp_path: Path, peer: Peer) -> None:
        with pytest.raises(PeerError, match="not done after 0 s"):
            prepare(peer, tmp_path, 0.01)
        assert not (tmp_path / "p" / MARK).exists()

    def test_ctrl_c_leaves_nothing(
        self, tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(environments, "_install_python", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(peer, tmp_path, 60)
        assert not (tmp_path / "p").exists()

    def test_two_runs_make_it_once(
        self, tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = []

        def install(peer: Peer, folder: Path, limit_s: float, env: dict[str, str]) -> None:
            made.append(folder)
            time.sleep(0.3)
            (folder / "bin").mkdir()
            (folder / "bin" / "python").touch()

        monkeypatch.setattr(environments, "_install_python", install)
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda _: prepare(peer, tmp_path, 60), range(2)))
        assert len(made) == 1
        assert sorted(e.fresh for e in both) == [False, True]

    def test_no_node_is_a_reason(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(PeerError, match="node is needed"):
            prepare(PEERS["human"], tmp_path, 1)

    def test_ours_needs_none(self, tmp_path: Path) -> None:
        assert prepare(OURS[0], tmp_path, 1) == Environment(Path.cwd(), sys.executable)
        assert not list(tmp_path.iterdir())


def test_the_command_runs_ours_and_the_rest_goes_on(
    tmp_path: Path, faces: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no Node.js
    allowed = os.sched_getaffinity(0)
    out = tmp_path / "peers.json"
    flags = ["--peers", "human", "--frames", "5", "--rounds", "1", "--dataset", "folder"]
    flags += ["--data_dir", str(faces), "--environments", str(tmp_path / "e")]
    assert run_command(main, [*flags, "--cores", "1", "--output_json", str(out)]) == 0
    assert os.sched_getaffinity(0) == allowed
    figures = json.loads(out.read_text())
    assert figures["benchmark"] == "peers"
    assert figures["cores"] == 1
    *ours, human = figures["rows"]
    assert "node is needed" in human["error"]
    for row in ours:
        assert row["faces"]["n"] == 8
        assert [clip["faces_found"] for clip in row["clips"]] == [1, 6]
    shown = "\n\n".join(tables(figures))
    assert "| default | 6 faces |" in shown
    assert "| human | not installed: node is needed" in shown
    assert shown in capsys.readouterr().out


def test_wrong_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags, said in (
        (["--source", "/no/such.mp4"], "/no/such.mp4"),
        (["--data_dir", "/no/such"], "--data_dir /no/such: no such folder"),
        (["--peers", "nobody"], "nobody"),
    ):
        assert run_command(main, [*flags, "--environments", str(tmp_path)]) == 2
        error = capsys.readouterr().err.splitlines()
        assert said in error[-1]
    assert not list(tmp_path.iterdir())


def test_ctrl_c_ends_the_peers(tmp_path: Path) -> None:
    """The command, interrupted: its children are gone with it."""
    options = parse_options(Options, PROG, [])
    assert options.peers == list(PEERS)
    command = [sys.executable, "-m", "benchmarks.peers", "--peers", "human", "--rounds", "1000"]
    with subprocess.Popen(
        [*command, "--environments", str(tmp_path)],
        cwd=REPO,
        env={**os.environ, "PATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "warm-up done" in line:
                break
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == len(OURS)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    until = time.monotonic() + 5
    while any(Path("/proc", child).exists() for child in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(Path("/proc", child).exists() for child in children)
