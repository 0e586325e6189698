"""Ours and the peers in turns, so that what slows the machine slows all of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.catalogue import Peer
from benchmarks.peers.conversation import Answer, Conversation
from benchmarks.peers.environments import Environment, prepare
from benchmarks.peers.material import Material
from benchmarks.peers.processes import PeerError

#: Accuracy needs the same faces from all: only what hangs is cut short there.
_FACES_LIMIT = 10

#: Of the warm-up, which doesn't count.
_WARM_FRAMES, _WARM_FACES = 5, 5


@dataclass
class Runner:
    """A peer and what it did.

    Attributes:
        peer: Which.
        environment: Where it runs, once that is there.
        error: Why it gave up; None as long as it goes on.
        start_s: Time from its start to its being ready.
        peak_memory_mb: Its highest resident memory.
        labels: The labels it knows, by our names.
        versions: Version by package.
        backend: What computes.
        frames_ms: For each clip the rounds, each with the time of every frame.
        found: For each clip the number of faces in every frame.
        faces_ms: The rounds, each with the time of every face.
        said: Its label by the number of the face; None where it found none.
    """

    peer: Peer
    environment: Environment | None = None
    error: str | None = None
    start_s: float = 0.0
    peak_memory_mb: float | None = None
    labels: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    backend: str = ""
    frames_ms: dict[int, list[list[float]]] = field(default_factory=dict)
    found: dict[int, list[int]] = field(default_factory=dict)
    faces_ms: list[list[float]] = field(default_factory=list)
    said: dict[int, str | None] = field(default_factory=dict)
    _talk: Conversation | None = None

    def start(self, root: Path, material: Path, install_s: float, stack: ExitStack) -> None:
        """Installs and starts it; a failure is kept as `error`."""
        try:
            self.environment = prepare(self.peer, root, install_s)
            if self.environment.fresh:
                # Downloads weights and compiles modules, so that the start below doesn't.
                Conversation(self.peer, self.environment, material).close()
            print(f"{self.peer.name}: starting", file=sys.stderr, flush=True)
            talk = Conversation(self.peer, self.environment, material)
        except PeerError as error:
            self._give_up(error)
            return
        stack.callback(talk.close)
        self._talk, self.start_s = talk, talk.start_s
        self.labels, self.versions, self.backend = talk.labels, talk.versions, talk.backend

    def frames(self, clip: int, count: int, limit_s: float, keep: bool) -> None:
        """Runs it on the first frames of a clip."""
        if self._talk is None or not self._talk.reads_frames:
            return
        answers = self._ask({"do": "frames", "clip": clip, "count": count}, limit_s)
        if answers is not None and keep:
            self.frames_ms.setdefault(clip, []).append([a.ms for a in answers])
            self.found.setdefault(clip, []).extend(len(a.labels) for a in answers)

    def faces(self, first: int, count: int, limit_s: float, keep: bool) -> None:
        """Runs it on some of the cropped faces."""
        answers = self._ask({"do": "faces", "first": first, "count": count}, limit_s)
        if answers is not None and keep:
            self.faces_ms.append([a.ms for a in answers])
            self.said |= {a.index: a.labels[0] if a.labels else None for a in answers}

    def finish(self) -> None:
        """Reads its peak memory, while it still runs."""
        if self._talk is not None:
            self.peak_memory_mb = self._talk.peak_memory_mb()

    def _ask(self, request: dict[str, Any], limit_s: float) -> list[Answer] | None:
        """Its answers; None where it has failed, now or before."""
        if self._talk is None:
            return None
        try:
            return self._talk.ask(request, limit_s)
        except PeerError as error:
            self._give_up(error)
            return None

    def _give_up(self, error: PeerError) -> None:
        self.error = str(error)
        if self._talk is not None:
            self._talk.close()
            self._talk = None
        print(f"{self.peer.name}: {self.error}", file=sys.stderr, flush=True)


def run_rounds(
    peers: Sequence[Peer],
    material: Material,
    root: Path,
    rounds: int,
    limit_s: float,
    install_s: float,
) -> list[Runner]:
    """Starts all peers and lets them work in turns.

    Args:
        peers: Which, ours among them.
        material: What they are given.
        root: Folder of the environments.
        rounds: Rounds after the warm-up; each reads every clip and some of the faces.
        limit_s: Longest time of a turn; a slower peer does fewer frames. Ten times that
            for the faces of a round.
        install_s: Longest time of an install.

    Returns:
        A runner for each peer, also for those that failed.
    """
    runners = [Runner(peer) for peer in peers]
    with ExitStack() as stack:
        for runner in runners:
            runner.start(root, material.folder, install_s, stack)
        bounds = [len(material.truth) * k // rounds for k in range(rounds + 1)]
        for number in range(rounds + 1):
            keep = number > 0
            for clip, shape in enumerate(material.clips):
                count = shape.count if keep else min(_WARM_FRAMES, shape.count)
                for runner in runners:
                    runner.frames(clip, count, limit_s, keep)
            first, last = (
                (bounds[number - 1], bounds[number])
                if keep
                else (0, min(_WARM_FACES, len(material.truth)))
            )
            if last > first:
                for runner in runners:
                    runner.faces(first, last - first, _FACES_LIMIT * limit_s, keep)
            done = f"round {number} of {rounds}" if keep else "warm-up"
            print(f"{done} done", file=sys.stderr, flush=True)
        for runner in runners:
            runner.finish()
    return runners
