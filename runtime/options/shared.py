"""Options that several commands have, each declared once; loads nothing heavy.

A command's dataclass takes what it needs of them:

    engine: str = engine_option()
    threads: int = threads_option()

A default that differs from the usual one comes with the reason, which `--help` shows.
"""

from __future__ import annotations

from typing import Any

from runtime.detectors.catalogue import DETECTORS
from runtime.engines.providers import PROVIDERS
from runtime.support.cli import option

#: Groups of `--help`, in the order in which commands name them.
SOURCES, MODEL, FACES, LABELS, LATENCY, OUTPUT, SENDING = (
    "sources",
    "emotion model",
    "face detection",
    "labels",
    "latency",
    "output",
    "sending and monitoring",
)


def engine_option() -> Any:
    """`--engine`: the emotion model."""
    return option(
        "model: an .onnx or .plan file, or a shipped one: main (FP32), fast (INT8, for CPUs) "
        "or default, which is fast on the CPU and main elsewhere",
        "default",
        group=MODEL,
    )


def provider_option() -> Any:
    """`--provider`: where the emotion model runs."""
    return option("where an .onnx runs", "cpu", choices=tuple(PROVIDERS), group=MODEL)


def threads_option(default: int = 1, why: str | None = None) -> Any:
    """`--threads`.

    Args:
        default: Threads inside each network.
        why: Reason for another default than 1.
    """
    return option(_reasoned("threads inside each network", why), default, group=MODEL)


def rebuild_option() -> Any:
    """`--rebuild`: what to do with a plan of another machine."""
    return option(
        "build a .plan that doesn't suit this machine (another GPU or TensorRT) again, from the "
        ".onnx beside it; this takes minutes and replaces the file",
        False,
        group=MODEL,
    )


def detector_option() -> Any:
    """`--detector`."""
    return option("face detector", "centerface", choices=DETECTORS, group=FACES)


def detector_model_option() -> Any:
    """`--detector_model`: its file."""
    return option("model file of scrfd or yunet", None, group=FACES)


def detect_size_option(default: int = 320, why: str | None = None) -> Any:
    """`--detect_size`.

    Args:
        default: Longer side of what the detector sees, in pixels.
        why: Reason for another default than 320.
    """
    what = "longer side of what the detector sees, in pixels"
    return option(_reasoned(what, why), default, group=FACES)


def recursive_option() -> Any:
    """`--recursive`: how far a folder of pictures is read."""
    return option("read the folders in a folder of pictures too", False, group=SOURCES)


def tls_ca_option() -> Any:
    """`--tls_ca` of a command whose servers are all alike."""
    return option(
        "PEM file of the authorities that https servers must be certified by, in place of the "
        "system's",
        None,
        metavar="FILE",
        group=SOURCES,
    )


def min_face_option() -> Any:
    """`--min_face`: how small a face may be."""
    return option(
        "leave out faces whose box has a shorter side than this, in pixels",
        0.0,
        between=(0, 65_536),
        group=FACES,
    )


def zone_option() -> Any:
    """`--zone`: where faces count."""
    return option(
        "YAML file of polygons: faces outside of those to include, or in one to exclude, are "
        "left out, and the others named (see the guide)",
        None,
        metavar="FILE",
        group=FACES,
    )


def embeddings_option() -> Any:
    """`--embeddings`: the features of each face."""
    return option(
        "add each face's features, the numbers before the model's last layer, to its JSON",
        False,
        group=MODEL,
    )


def raw_boxes_option() -> Any:
    """`--raw_boxes`: boxes as they are found."""
    return option(
        "leave boxes as they are found; otherwise they end where the picture does",
        False,
        group=FACES,
    )


def output_mode_option() -> Any:
    """`--output_mode`: the permissions of files."""
    return option("permissions of the files written, octal", "600", group=OUTPUT)


def _reasoned(what: str, why: str | None) -> str:
    return what if why is None else f"{what}; {why}"
