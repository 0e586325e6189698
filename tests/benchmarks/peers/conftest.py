"""Small real scripts in the peers' place: no network, no package of theirs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.peers.catalogue import ADAPTERS, Peer
from benchmarks.peers.material import Material, write_material
from benchmarks.peers.rounds import Runner, run_rounds
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


def locked(folder: Path, content: str) -> Peer:
    """A peer whose lock says so."""
    lock = folder / "locks" / "p"
    lock.mkdir(parents=True, exist_ok=True)
    (lock / "requirements.in").write_text("# why\nfer==1 ; python_version < '3.14'\n")
    (lock / "requirements.txt").write_text(content)
    return Peer("p", ADAPTERS / "fer_peer.py", lock)


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
