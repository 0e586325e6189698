"""`python -m train.explain`: pictures in, one explained picture a face out.

Two maps a face: the network's own spatial attention (CBAM, Woo et al. 2018)
and Grad-CAM (Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep
Networks") on its last feature map. Both are as coarse as that map, 4x4 at 112
pixels, and show what the network weighted: they prove no cause.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import SourceError, UserError
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from runtime.support.cli import option, parse_options
from runtime.support.files.writing import PRIVATE, writing
from runtime.support.redaction import printable, redact
from train.explain.maps import explain_face
from train.explain.panels import draw
from train.threads import let_threads_sleep, use_threads

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from train.models.emotion_net import EmotionNet

PROG = "python -m train.explain"

SHIPPED = Path(__file__).resolve().parents[2] / "runtime" / "models" / "emotion.safetensors"

#: Longer side of what the detector sees, and the lowest score of a face: as runtime.predict.
_DETECT_SIZE, _MIN_SCORE = 640, 0.4


@dataclass
class ExplainOptions:
    """Draw where a model looked: heat maps of what it weighted, coarse and no proof of cause."""

    paths: list[str] = option("pictures or folders", positional=True)
    checkpoint: str = option(
        "checkpoint that train.fit wrote (.safetensors), or default for the shipped one", "default"
    )
    output_dir: str = option("where the pictures go, one a face", "out/explain")
    face_crops: bool = option("each picture is already a face: don't detect", False)
    target: str | None = option(
        "emotion that the class map explains; else each face's likeliest", None, choices=EMOTIONS
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code, 2 if a picture could not be read."""
    let_threads_sleep()
    options = parse_options(ExplainOptions, PROG, argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    _, failed = explain(options)
    if failed:
        raise UserError(f"{failed} of the pictures could not be read (see above)")
    return 0


def explain(options: ExplainOptions) -> tuple[list[Path], int]:
    """Explains every face of all pictures, whatever becomes of single ones.

    Returns:
        The pictures written, and how many inputs could not be read.

    Raises:
        UserError: The checkpoint, a folder or the target is wrong.
    """
    from runtime.pictures.folders import collect_pictures
    from runtime.pictures.reading import read_picture
    from runtime.support.files.writing import check_writable

    use_threads(1)
    net, manifest = _load(options.checkpoint)
    target = None
    if options.target is not None:
        if options.target not in manifest.labels:
            raise UserError(
                f"--target {options.target}: the model knows {', '.join(manifest.labels)}"
            )
        target = manifest.labels.index(options.target)
    folder = Path(options.output_dir)
    check_writable(folder / "x.png", "--output_dir")
    files = collect_pictures(options.paths)
    find = _face_finder(options.face_crops, manifest.preprocess)
    written: list[Path] = []
    failed = 0
    for file, stem in zip(files, _stems(files, folder), strict=True):
        try:
            image = read_picture(file)
        except SourceError as error:
            print(f"skipped: {redact(str(error))}", file=sys.stderr)
            failed += 1
            continue
        faces = find(image)
        if not faces:
            print(f"{printable(str(file))}: no face", flush=True)
        for number, face in enumerate(faces, 1):
            explanation = explain_face(net, manifest, face, target)
            path = folder / f"{stem}_face{number}.png"
            _save(draw(explanation), path)
            written.append(path)
            line = f"{file}: face {number}, {explanation.verdict}: {path}"
            print(printable(line), flush=True)
    return written, failed


def _load(name: str) -> tuple[EmotionNet, Manifest]:
    from train.checkpoint import load_checkpoint

    path = SHIPPED if name == "default" else Path(name)
    if path.suffix in (".onnx", ".plan", ".engine"):
        raise UserError(
            f"--checkpoint {path}: an exported model has no gradients; "
            "name the checkpoint it came from (.safetensors)"
        )
    return load_checkpoint(path)


def _face_finder(
    face_crops: bool, spec: Preprocess
) -> Callable[[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Makes a function from an (H, W, 3) BGR picture to its faces, cropped as `spec` asks."""
    from runtime.detectors.factory import open_detector
    from runtime.detectors.found_faces import find_faces
    from runtime.vision.picture import Picture
    from runtime.vision.preprocess import crop_face

    if face_crops:
        return lambda image: [image]
    detector = open_detector("centerface", None, _DETECT_SIZE, _MIN_SCORE, retry=True)
    return lambda image: [
        crop_face(image, face.box, spec, face.landmarks)
        for face in find_faces(detector, Picture(image))
    ]


def _stems(files: Sequence[Path], folder: Path) -> list[str]:
    """Names how the outputs of each file begin: no two alike, and none an input's name."""
    inputs = [f.name for f in files if f.resolve().parent == folder.resolve()]
    stems: list[str] = []
    for file in files:
        stem, number = file.stem, 1
        while stem in stems or any(name.startswith(f"{stem}_face") for name in inputs):
            number += 1
            stem = f"{file.stem}_{number}"
        stems.append(stem)
    return stems


def _save(figure: Figure, path: Path) -> None:
    with writing(path, "--output_dir", PRIVATE) as partial:
        figure.savefig(partial, format="png", pil_kwargs={"compress_level": 9})
