"""The peers: what is installed for each, in which versions, and how it is run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.processes import PeerError
from runtime.manifest import EMOTIONS

ADAPTERS = Path(__file__).resolve().parent / "adapters"

#: The row that the others are compared with.
BASE = "default"

_TFJS = ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0")
#: Faster, but its install downloads a library from outside the registry.
_TFJS_NODE = ("@tensorflow/tfjs-node@4.22.0",)
_HUB = "its weights are downloaded at first use, from outside the package registry"


@dataclass(frozen=True)
class Peer:
    """Something that names the emotions of faces.

    Attributes:
        name: Its row.
        adapter: Script that runs it; `.py` or `.mjs`.
        packages: What is installed, with versions; none for our own rows.
        optional: npm packages that may fail to install.
        arguments: Given to the adapter after the folder of frames and faces.
        environment: Name of the folder of its environment; rows may share one.
        licence: Licence of the package, as it states it.
        settings: How it is used, for the report.
        weights: Where they come from, where a failure is likely to be theirs.
    """

    name: str
    adapter: Path
    packages: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    environment: str = ""
    licence: str = ""
    settings: str = ""
    weights: str = ""

    @property
    def node(self) -> bool:
        """Runs in Node.js, not in Python."""
        return self.adapter.suffix == ".mjs"


OURS = tuple(
    Peer(name, ADAPTERS / "ours.py", arguments=arguments, licence="MIT", settings=settings)
    for name, arguments, settings in (
        (BASE, ("default", "default"), "Pipeline's defaults"),
        ("main", ("main", "default"), "Pipeline's defaults, --engine main (FP32)"),
        (
            "default, every frame",
            ("default", "0"),
            "looks for faces in every frame (detect_interval_s=0)",
        ),
    )
)

PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "fer",
            ADAPTERS / "fer_peer.py",
            # It imports pkg_resources, which newer setuptools lack.
            ("fer==25.10.3", "tensorflow>=2.16,<3", "setuptools<81"),
            environment="fer",
            licence="MIT",
            settings="FER(): Haar cascade, TensorFlow Lite",
        ),
        Peer(
            "human",
            ADAPTERS / "human.mjs",
            ("@vladmandic/human@3.3.6", *_TFJS),
            _TFJS_NODE,
            environment="human",
            licence="MIT",
            settings="defaults (results reused for up to 1.5 s), up to 10 faces, emotion only; "
            "face crops through its detector, in 640x480 pictures",
        ),
        Peer(
            "human-every-frame",
            ADAPTERS / "human.mjs",
            ("@vladmandic/human@3.3.6", *_TFJS),
            _TFJS_NODE,
            arguments=("every_frame",),
            environment="human",
            licence="MIT",
            settings="as human, but no result reused",
        ),
        Peer(
            "face-api",
            ADAPTERS / "face_api.mjs",
            ("@vladmandic/face-api@1.7.15", *_TFJS),
            _TFJS_NODE,
            environment="face-api",
            licence="MIT",
            settings="SSD MobileNet v1, expressions without landmarks",
        ),
        Peer(
            "deepface",
            ADAPTERS / "deepface_peer.py",
            (
                # Without the extra api it misses werkzeug, which it imports.
                "deepface[tensorflow,api]==0.0.103",
                "tf-keras>=2.16,<3",
                # Its default detector fails with the headless OpenCV 5.0.0.
                "opencv-contrib-python-headless<5",
            ),
            environment="deepface",
            licence="MIT",
            settings="DeepFace.analyze(actions=['emotion']) with its default detector",
            weights=_HUB,
        ),
        Peer(
            "emotiefflib",
            ADAPTERS / "emotiefflib_peer.py",
            ("emotiefflib==1.1.1",),
            environment="emotiefflib",
            licence="Apache-2.0",
            settings="enet_b0_8_best_vgaf in ONNX Runtime; has no detector: face crops only",
            weights=_HUB,
        ),
        Peer(
            "online-emotion-detection",
            ADAPTERS / "online_emotion_peer.py",
            ("online-emotion-detection[torch,headless]==0.3.4",),
            environment="online-emotion-detection",
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
