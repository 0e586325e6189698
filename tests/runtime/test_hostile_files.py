"""Real files, damaged at random: each gives a result or one line, in bounded memory and time.

Every kind is tried in a process of its own, where a crash, a hang or too much memory shows.
`python -m tests.runtime.test_hostile_files SECONDS` goes on for longer.
"""

import faulthandler
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from runtime.errors import UserError
from runtime.manifest import METADATA_KEY, Manifest
from tests.conftest import PORTRAIT, TINY, write_tiny_onnx
from tests.support.limited import run_limited


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few changed, cut out, repeated, swapped or set to extremes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        # Headers are where most can go wrong.
        end = len(out) if rng.random() < 0.5 else min(len(out), 200)
        at = rng.randrange(max(1, end))
        kind = rng.randrange(6)
        if kind == 0:
            out[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            out[at : at + 4] = rng.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
        elif kind == 2:
            del out[at : at + rng.randint(1, 64)]
        elif kind == 3:
            out[at:at] = out[at : at + rng.randint(1, 64)] * rng.choice([1, 50])
        elif kind == 4:
            other, length = rng.randrange(max(1, len(out))), rng.randint(1, 64)
            here, there = out[at : at + length], out[other : other + length]
            out[at : at + length], out[other : other + length] = there, here
        else:
            del out[at:]
    return bytes(out)


def pictures() -> list[tuple[str, bytes]]:
    image = Image.open(PORTRAIT).resize((96, 80))
    many = {"save_all": True, "append_images": [image.rotate(90)]}
    kinds = [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("PNG", many),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", many),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", many),
        ("PPM", {}),
        ("GIF", {}),
        ("GIF", many),
        ("AVIF", {}),
        ("AVIF", many),
    ]
    seeds = []
    for kind, options in kinds:
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        seeds.append(("png", stream.getvalue()))
    return seeds


def videos() -> list[tuple[str, bytes]]:
    """Small videos: a container and coder each."""
    image = np.asarray(Image.open(PORTRAIT).resize((64, 48)))[:, :, ::-1]
    seeds = []
    fragments = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    for form, codec, pixels in (
        ("mp4", "libx264", "yuv420p"),
        ("ismv", "libx264", "yuv420p"),
        ("matroska", "libx264", "yuv420p10le"),
        ("webm", "libvpx", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("mpegts", "mpeg2video", "yuv420p"),
        ("avi", "mjpeg", "yuvj420p"),
        ("avi", "mpeg4", "yuv420p"),
        ("gif", "gif", "rgb8"),
        ("apng", "apng", "rgb24"),
        ("h264", "libx264", "yuv420p"),
        ("mov", "prores_ks", "yuv422p10le"),
        ("flv", "flv1", "yuv420p"),
        ("mpeg", "mpeg1video", "yuv420p"),
        ("mjpeg", "mjpeg", "yuvj420p"),
        ("mpjpeg", "mjpeg", "yuvj420p"),
        ("ogg", "libvpx", "yuv420p"),
        ("asf", "wmv2", "yuv420p"),
        ("ivf", "libvpx", "yuv420p"),
        ("matroska", "ffv1", "yuv420p"),
    ):
        stream = io.BytesIO()
        options = fragments if form == "ismv" else {}
        with av.open(stream, "w", format=form, options=options) as container:
            shown: Any = container.add_stream(codec, 25)
            shown.width, shown.height, shown.pix_fmt = 64, 48, pixels
            for number in range(8):
                picture = np.ascontiguousarray(np.roll(image, 4 * number, 1))
                container.mux(shown.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            container.mux(shown.encode(None))
        seeds.append(("video", stream.getvalue()))
    return seeds


def models() -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        return [("onnx", write_tiny_onnx(Path(folder) / "m.onnx").read_bytes())]


def manifests() -> list[tuple[str, bytes]]:
    models = Path(__file__).parents[2] / "runtime" / "models"
    return [("json", path.read_bytes()) for path in sorted(models.glob("*.json"))]


def read_it(path: Path) -> object:
    """What the runtime makes of a file."""
    if path.suffix == ".png":
        from runtime.pictures.reading import read_picture

        return read_picture(path)
    if path.suffix == ".video":
        from runtime.sources.factory import open_source

        with closing(open_source(path)) as source:
            return [frame.picture.bgr().shape for frame in iter(source.read, None)]
    if path.suffix == ".onnx":
        from runtime.engines.factory import open_engine

        engine = open_engine(path)
        return engine.infer(np.zeros((2, *engine.manifest.input_shape), np.float32))["logits"]
    return Manifest.from_json(path.read_text(errors="surrogateescape"), str(path)).to_json()


KINDS = {"pictures": pictures, "videos": videos, "models": models, "manifests": manifests}


def attack(kind: str, seconds: float, seed: int, folder: Path) -> Counter[str]:
    """Tries damaged files for so long; prints whatever is neither a result nor one line.

    Args:
        kind: One of `KINDS`.
        seconds: How long.
        seed: Of chance.
        folder: Where the file that is read lies: after a crash or a hang, it is the one.
    """
    rng = random.Random(seed)
    seeds, counts = KINDS[kind](), Counter[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        suffix, data = rng.choice(seeds)
        path = folder / f"f.{suffix}"
        path.write_bytes(damaged(data, rng))
        start = time.monotonic()
        faulthandler.dump_traceback_later(60, exit=True)
        fault = ""
        try:
            read_it(path)
            counts["read"] += 1
        except UserError as error:
            counts["refused"] += 1
            if "\n" in str(error) or len(str(error)) > 2000:
                fault = "bad line"
                print(repr(str(error))[:300], file=sys.stderr)
        except Exception as error:
            fault = "traceback"
            print(type(error).__name__, str(error)[:300], file=sys.stderr)
        if time.monotonic() - start > 5:
            fault = fault or "slow"
        if fault:
            counts[fault] += 1
            path.rename(folder / f"{fault.replace(' ', '-')}-{counts[fault]}.{suffix}")
    faulthandler.cancel_dump_traceback_later()
    return counts


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_give_a_result_or_one_line(kind, tmp_path):
    code = (
        "import json, sys\nfrom pathlib import Path\n"
        "from tests.runtime.test_hostile_files import attack\n"
        "print(json.dumps(attack(sys.argv[1], 4, 0, Path(sys.argv[2]))))"
    )
    done = run_limited(code, kind, tmp_path, megabytes=4096, seconds=120)
    found = f"; see the file in {tmp_path}"
    assert done.returncode == 0, done.stderr[-2000:] + found
    counts = json.loads(done.stdout.splitlines()[-1])
    assert set(counts) <= {"read", "refused"}, (counts, done.stderr[-2000:] + found)
    assert counts["read"] > 10
    assert counts["refused"] > 10


def test_the_damage_is_damage():
    assert damaged(TINY.to_json().encode(), random.Random(1)) != TINY.to_json().encode()
    assert METADATA_KEY.encode() in models()[0][1]


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp())
    for name in KINDS:
        print(name, dict(attack(name, float(sys.argv[1]), int(time.time()), place)), place)
