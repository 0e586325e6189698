"""Requests to a peer's process and its answers: JSON lines, each in its time."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.catalogue import Peer, our_label
from benchmarks.peers.environments import Environment
from benchmarks.peers.processes import PeerError, end, reason, variables

#: Longest time to load libraries and models, in seconds; the first time also downloads weights.
START_S, FIRST_START_S = 120.0, 600.0

#: Time beyond its limit that a request may take: one frame's, in seconds.
_GRACE_S = 60.0

#: Longest line that is read, in characters.
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What a peer did with a frame or face.

    Attributes:
        index: Number of the frame or face.
        ms: How long it took.
        labels: Of the faces in it, by our names.
    """

    index: int
    ms: float
    labels: list[str]


class Conversation:
    """A running peer.

    Attributes:
        start_s: Time from its start to its being ready: import and models included.
        labels: Its labels by our names, or what it says.
        versions: Version by package.
        backend: What computes.
        reads_frames: It finds faces in frames; otherwise it reads crops only.
    """

    def __init__(self, peer: Peer, environment: Environment, material: Path) -> None:
        """Starts the peer and waits until it is ready.

        Raises:
            PeerError: It isn't in time, or not at all.
        """
        command = [environment.interpreter, str(peer.adapter), str(material)]
        if peer.node:
            command.append(str(environment.folder))
        # Cleared when it is closed, or when we end.
        self._scratch = tempfile.TemporaryDirectory()
        env = variables(environment.home or Path(self._scratch.name), Path(self._scratch.name))
        if peer.lock is None:
            env["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - close() does
        start = time.monotonic()
        try:
            self._process = subprocess.Popen(
                [*command, *peer.arguments],
                cwd=environment.folder,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            raise PeerError(f"did not start: {error.strerror}") from error
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            said = self._next(FIRST_START_S if environment.fresh else START_S)
            self.start_s = time.monotonic() - start
            try:
                self.labels = tuple(our_label(name) for name in said["labels"])
                self.versions = {str(name): str(text) for name, text in said["versions"].items()}
                self.backend, self.reads_frames = str(said["backend"]), bool(said["frames"])
            except (KeyError, TypeError, AttributeError) as error:
                raise PeerError("said something else than that it is ready") from error
        except BaseException as error:
            self.close()
            if isinstance(error, PeerError):
                hint = f"; {peer.weights}" if peer.weights else ""
                raise PeerError(f"did not start: {error}{hint}") from error
            raise

    def ask(self, request: Mapping[str, Any], limit_s: float) -> list[Answer]:
        """Sends a request and collects its answers.

        Args:
            request: `do` is `frames` (with `clip`, `count`) or `faces` (with `first`, `count`).
            limit_s: After this time the peer stops, with what it has.

        Returns:
            One for each frame or face.

        Raises:
            PeerError: It ended, takes too long, or says something else.
        """
        text = json.dumps({**request, "limit_s": limit_s}) + "\n"
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
        except OSError as error:
            raise PeerError(self._why_ended()) from error
        until = time.monotonic() + limit_s + _GRACE_S
        answers: list[Answer] = []
        while True:
            said = self._next(until - time.monotonic())
            if said.get("done") is True:
                if not answers:
                    raise PeerError("gave no answer")
                return answers
            try:
                answers.append(
                    Answer(
                        int(said["index"]),
                        float(said["ms"]),
                        [our_label(name) for name in said["labels"]],
                    )
                )
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise PeerError(f"said something else: {json.dumps(said)[:60]}") from error

    def peak_memory_mb(self) -> float | None:
        """Highest resident memory so far, in MB; None where the system doesn't say."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            return None
        return round(int(line.split()[1]) * 1024 / 1e6, 1)

    def close(self) -> None:
        """Ends the process and all that it started."""
        end(self._process)
        self._reader.join(2)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                pass
        self._scratch.cleanup()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline(_LONGEST):
            self._lines.put(line)
        self._lines.put(b"")

    def _next(self, limit_s: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=max(0.0, limit_s))
        except queue.Empty as error:
            raise PeerError(f"no answer within {max(0.0, limit_s):.0f} s") from error
        if not line:
            raise PeerError(self._why_ended())
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise PeerError(f"said something else: {line[:60].decode(errors='replace').strip()!r}")
        return said

    def _why_ended(self) -> str:
        try:
            # Large libraries take their time to go.
            how = f"ended with code {self._process.wait(30)}"
        except subprocess.TimeoutExpired:
            how = "closed its output"
        self._errors.seek(0)
        # The end of a long log is enough.
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 100_000))
        said = reason(self._errors.read().decode(errors="replace"))
        return f"{how}: {said}"
