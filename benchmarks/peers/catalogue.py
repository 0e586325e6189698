"""The peers: what is installed for each, in which versions, and how it is run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.processes import PeerError
from runtime.manifest import EMOTIONS

ADAPTERS = Path(__file__).resolve().parent / "adapters"

#: The row that the others are compared with.
BASE = "default"

#: What is installed for each peer, every file by its hash (`make lock`).
LOCKS = Path(__file__).resolve().parent / "locks"

_WASM = "WebAssembly: tfjs-node's install brings a library that nothing pins"
_HUB = "its weights are downloaded at first use, from outside the package registry"


@dataclass(frozen=True)
class Peer:
    """Something that names the emotions of faces.

    Attributes:
        name: Its row.
        adapter: Script that runs it; `.py` or `.mjs`.
        lock: Folder with the lock of what is installed, its name also that of the
            environment; rows may share one, and our own have none.
        arguments: Given to the adapter after the folder of frames and faces.
        licence: Licence of the package, as it states it.
        settings: How it is used, for the report.
        weights: Where they come from, where a failure is likely to be theirs.
    """

    name: str
    adapter: Path
    lock: Path | None = None
    arguments: tuple[str, ...] = ()
    licence: str = ""
    settings: str = ""
    weights: str = ""

    @property
    def node(self) -> bool:
        """Runs in Node.js, not in Python."""
        return self.adapter.suffix == ".mjs"

    @property
    def packages(self) -> list[str]:
        """What the lock was made for, with versions; none for our own rows."""
        if self.lock is None:
            return []
        if self.node:
            wanted = json.loads((self.lock / "package.json").read_text())["dependencies"]
            return [f"{name}@{version}" for name, version in wanted.items()]
        lines = (self.lock / "requirements.in").read_text().splitlines()
        return [line.split(";")[0].strip() for line in lines if not line.startswith("#")]


OURS = tuple(
    Peer(name, ADAPTERS / "ours.py", arguments=arguments, licence="MIT", settings=settings)
    for name, arguments, settings in (
        (BASE, ("default", "default"), "Pipeline's defaults"),
        ("main", ("main", "default"), "Pipeline's defaults, --engine main (FP32)"),
        (
            "default, every frame",
            ("default", "0"),
            "detects faces in every frame (detect_interval_s=0)",
        ),
    )
)

PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "fer",
            ADAPTERS / "fer_peer.py",
            LOCKS / "fer",
            licence="MIT",
            settings="FER(): Haar cascade, TensorFlow Lite",
        ),
        Peer(
            "human",
            ADAPTERS / "human.mjs",
            LOCKS / "human",
            licence="MIT",
            settings="defaults (results reused for up to 1.5 s), up to 10 faces, emotion only; "
            f"face crops through its detector, in 640x480 pictures; {_WASM}",
        ),
        Peer(
            "human-every-frame",
            ADAPTERS / "human.mjs",
            LOCKS / "human",
            arguments=("every_frame",),
            licence="MIT",
            settings="as human, but no result reused",
        ),
        Peer(
            "face-api",
            ADAPTERS / "face_api.mjs",
            LOCKS / "face-api",
            licence="MIT",
            settings=f"SSD MobileNet v1, expressions without landmarks; {_WASM}",
        ),
        Peer(
            "deepface",
            ADAPTERS / "deepface_peer.py",
            LOCKS / "deepface",
            licence="MIT",
            settings="DeepFace.analyze(actions=['emotion']) with its default detector",
            weights=_HUB,
        ),
        Peer(
            "emotiefflib",
            ADAPTERS / "emotiefflib_peer.py",
            LOCKS / "emotiefflib",
            licence="Apache-2.0",
            settings="enet_b0_8_best_vgaf in ONNX Runtime; has no detector: face crops only",
            weights=_HUB,
        ),
        Peer(
            "online-emotion-detection",
            ADAPTERS / "online_emotion_peer.py",
            LOCKS / "online-emotion-detection",
            licence="MIT",
            settings="hsemotion in PyTorch on the CPU; has no detector: face crops only",
            weights=_HUB,
        ),
    )
}

_NAMES = {
    "angry": "anger",
    "contemptuous": "contempt",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}


def our_label(name: str) -> str:
    """Our name of a peer's label, such as `anger` for `Angry`.

    Raises:
        PeerError: It stands for none of `EMOTIONS`.
    """
    lower = name.strip().lower()
    label = _NAMES.get(lower, lower)
    if label not in EMOTIONS:
        raise PeerError(f"its label {name!r} is none of ours")
    return label


def choose(names: Iterable[str]) -> list[Peer]:
    """Our own rows and the peers of these names, in the order of the table."""
    chosen = set(names)
    return [*OURS, *(peer for name, peer in PEERS.items() if name in chosen)]
