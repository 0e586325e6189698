"""An environment of its own for each peer: made at first use, kept, trusted only when complete."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.json_codec import from_json, to_json
from benchmarks.peers.catalogue import Peer
from benchmarks.peers.processes import PeerError, run_quietly, variables
from runtime.errors import UserError
from runtime.support.files.writing import write_whole

#: Written last: without it, or with other packages in it, an environment is made anew.
MARK = "complete.json"

#: setuptools, for peers that come as source code.
_BUILD = Path(__file__).resolve().parents[2] / "requirements" / "build.txt"

#: Room that an install may need: PyTorch's CUDA build comes with some peers.
_NEEDS_GB = 12


@dataclass(frozen=True)
class Environment:
    """Where a peer runs.

    Attributes:
        folder: Its folder.
        interpreter: Python or Node.js.
        home: Its home folder: what it downloads stays in there. None for our own.
        fresh: It was made by this call.
        megabytes: What the installed files take; None for our own.
        install_s: How long the install took; None for our own.
    """

    folder: Path
    interpreter: str
    home: Path | None = None
    fresh: bool = False
    megabytes: float | None = None
    install_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Install:
    """What the mark of a complete environment says.

    Attributes:
        lock: Which packages it was made of.
        install_s: How long that took.
        megabytes: What the files take.
    """

    lock: str
    install_s: float
    megabytes: float


def default_folder() -> Path:
    """Where environments are kept unless `--environments` says otherwise."""
    return Path.home() / ".cache" / "emotion-edge" / "peers"


def prepare(peer: Peer, root: Path, limit_s: float) -> Environment:
    """The peer's environment; installs it where it isn't there and complete.

    Args:
        peer: One with packages; our own rows run in this interpreter.
        root: Folder of all environments.
        limit_s: Longest time for the install.

    Raises:
        PeerError: It can't be installed.
        UserError: The folder can't be written.
    """
    if peer.lock is None:
        return Environment(Path.cwd(), sys.executable)
    folder = root / peer.lock.name
    node = _tool("node") if peer.node else ""
    interpreter = node or str(folder / "bin" / "python")
    with _lock(folder):
        found = _completed(peer, folder, interpreter)
        fresh = found is None
        if found is None:
            print(f"{peer.name}: installing into {folder}", file=sys.stderr, flush=True)
            found = _make(peer, folder, limit_s)
    home = folder / "home"
    return Environment(folder, interpreter, home, fresh, found.megabytes, found.install_s)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Two runs at a time must not make the same environment: the second waits."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        file = folder.with_name(f"{folder.name}.lock").open("w")
    except OSError as error:
        raise UserError(f"--environments {folder.parent}: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _completed(peer: Peer, folder: Path, interpreter: str) -> Install | None:
    """What the mark says, or None where the environment can't be used."""
    try:
        found = from_json(Install, json.loads((folder / MARK).read_text()))
    except (OSError, ValueError):
        return None
    return found if found.lock == _wanted(peer) and Path(interpreter).exists() else None


def _make(peer: Peer, folder: Path, limit_s: float) -> Install:
    """Installs from nothing; whatever stops it, no mark is left."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
        (folder / "home").mkdir(parents=True)
        free_gb = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        raise UserError(f"--environments {folder}: {error.strerror}") from error
    if free_gb < _NEEDS_GB:
        raise PeerError(f"not installed: less than {_NEEDS_GB} GB are free")
    start = time.monotonic()
    try:
        # What the installers keep for another time isn't the peer's.
        with tempfile.TemporaryDirectory() as scratch:
            install = _install_node if peer.node else _install_python
            install(peer, folder, limit_s, variables(Path(scratch), Path(scratch)))
    except PeerError as error:
        raise PeerError(f"not installed: {error}") from error
    except BaseException:
        # Ctrl-C: nothing half-made stays.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    found = Install(
        lock=_wanted(peer),
        install_s=round(time.monotonic() - start, 1),
        megabytes=_megabytes(folder),
    )
    write_whole(folder / MARK, json.dumps(to_json(found), indent=2) + "\n", "--environments")
    return found


def _install_python(peer: Peer, folder: Path, limit_s: float, env: Mapping[str, str]) -> None:
    """Takes only files whose hash is in the lock, and builds with what is there."""
    assert peer.lock is not None
    log = folder / "install.log"
    run_quietly([sys.executable, "-m", "venv", str(folder)], log, limit_s, env)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    pip += ["--quiet", "--no-deps", "--no-build-isolation", "--require-hashes", "-r"]
    for lock in (_BUILD, peer.lock / "requirements.txt"):
        run_quietly([*pip, str(lock)], log, limit_s, env)


def _install_node(peer: Peer, folder: Path, limit_s: float, env: Mapping[str, str]) -> None:
    """Takes only files whose hash is in the lock, and runs none of their scripts."""
    assert peer.lock is not None
    for name in ("package.json", "package-lock.json"):
        shutil.copy(peer.lock / name, folder)
    npm = [_tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run_quietly(npm, folder / "install.log", limit_s, env)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise PeerError(f"not installed: {name} is needed (Node.js 18 or newer)")
    return found


def _wanted(peer: Peer) -> str:
    assert peer.lock is not None
    lock = peer.lock / ("package-lock.json" if peer.node else "requirements.txt")
    python = "" if peer.node else f"python {sys.version_info.major}.{sys.version_info.minor} "
    return python + hashlib.sha256(lock.read_bytes()).hexdigest()


def _megabytes(folder: Path) -> float:
    """Space that the files take on the disk, in MB."""
    blocks = 0
    for place, _, files in os.walk(folder):
        blocks += sum(os.lstat(os.path.join(place, name)).st_blocks for name in files)
    return round(blocks * 512 / 1e6, 1)
