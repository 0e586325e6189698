"""Every kind of picture that can say how it is held is turned as it says."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from runtime.pictures.orientation import orientation
from runtime.pictures.reading import decode_picture
from tests.runtime.pictures.files import chunk, saved

#: Four fields of different colours: a turn and a mirror image can be told apart.
FIELDS = np.zeros((48, 64, 3), np.uint8)
FIELDS[:24, :32], FIELDS[:24, 32:], FIELDS[24:, 32:] = (0, 0, 255), (0, 255, 0), (255, 255, 255)
PILLOW = Image.fromarray(FIELDS[:, :, ::-1].copy())


def exif(tag: int, order: str = "<") -> bytes:
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, tag, 0, 0)


def expected(tag: int) -> np.ndarray:
    held = PILLOW.copy()
    held.getexif()[0x112] = tag
    return np.asarray(ImageOps.exif_transpose(held))[:, :, ::-1]


def jpeg(tag: int, order: str = "<") -> bytes:
    data, body = saved(PILLOW, "JPEG", quality=95), b"Exif\0\0" + exif(tag, order)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def png(tag: int, kind: bytes = b"eXIf", body: bytes | None = None, late: bool = False) -> bytes:
    data = saved(PILLOW, "PNG")
    at = data.index(b"IEND") - 4 if late else 33
    return data[:at] + chunk(kind, exif(tag) if body is None else body) + data[at:]


def raw_profile(tag: int) -> bytes:
    data = b"Exif\0\0" + exif(tag)
    return f"\nexif\n{len(data):8d}\n{data.hex()}\n".encode()


def tiff(tag: int, mode: str = "RGB", **options: object) -> bytes:
    held = Image.Exif()
    held[0x112] = tag
    return saved(PILLOW.convert(mode), "TIFF", exif=held, **options)


def animated(kind: str, tag: int, **options: object) -> bytes:
    others = [ImageOps.invert(PILLOW)]
    return saved(PILLOW, kind, save_all=True, append_images=others, exif=exif(tag), **options)


def avif_of_opencv(tag: int) -> bytes:
    parts = [np.frombuffer(exif(tag), np.uint8)]
    good, data = cv2.imencodeWithMetadata(".avif", FIELDS, [cv2.IMAGE_METADATA_EXIF], parts)
    assert good
    return bytes(data)


def avif_with_exif_alone(tag: int) -> bytes:
    # Without the properties that say the same.
    return avif_of_opencv(1).replace(exif(1), exif(tag))


KINDS = {
    "jpeg": jpeg,
    "jpeg of the other byte order": lambda tag: jpeg(tag, ">"),
    "png": png,
    "png after the pixels": lambda tag: png(tag, late=True),
    "png with a prefix": lambda tag: png(tag, body=b"Exif\0\0" + exif(tag)),
    "png of ImageMagick": lambda tag: png(
        tag, b"tEXt", b"Raw profile type exif\0" + raw_profile(tag)
    ),
    "png of ImageMagick, packed": lambda tag: png(
        tag, b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile(tag))
    ),
    "png animation": lambda tag: animated("PNG", tag),
    "webp": lambda tag: saved(PILLOW, "WEBP", lossless=True, exif=exif(tag)),
    "webp with a prefix": lambda tag: saved(
        PILLOW, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(tag)
    ),
    "webp animation": lambda tag: animated("WEBP", tag, lossless=True),
    "tiff": tiff,
    "tiff grey": lambda tag: tiff(tag, "L"),
    "tiff cmyk": lambda tag: tiff(tag, "CMYK"),
    "tiff lzw": lambda tag: tiff(tag, compression="tiff_lzw"),
    "tiff jpeg": lambda tag: tiff(tag, compression="jpeg"),
    "avif": lambda tag: saved(PILLOW, "AVIF", quality=95, exif=exif(tag)),
    "avif of OpenCV": avif_of_opencv,
    "avif with EXIF alone": avif_with_exif_alone,
}


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_seen_as_it_was_held(kind, tag):
    got, want = decode_picture(KINDS[kind](tag), "p").astype(int), expected(tag).astype(int)
    if "grey" in kind:
        want = np.repeat(cv2.cvtColor(want.astype(np.uint8), cv2.COLOR_BGR2GRAY)[..., None], 3, 2)
    assert got.shape == want.shape
    assert np.abs(got - want).mean() < 12
    grey = decode_picture(KINDS[kind](tag), "p", grey=True)
    assert grey.shape == want.shape[:2]


@given(st.binary(max_size=200))
def test_any_exif_data_has_an_orientation(body):
    for data in (body, exif(6)[:10] + body):
        assert orientation(png(1, body=data)) in range(1, 9)
        part = b"Exif\0\0" + data
        start = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(part) + 2) + part
        assert orientation(start) in range(1, 9)
        assert orientation(b"RIFF\0\0\0\0WEBP" + body) in range(1, 9)
        assert orientation(png(1, b"zTXt", b"Raw profile type exif\0\0" + body)) == 1


def test_a_tag_of_no_meaning_turns_nothing():
    for tag in (0, 9, 600):
        assert orientation(jpeg(tag)) == 1


def test_packed_exif_data_that_fills_the_memory_is_left_packed():
    bomb = b"Raw profile type exif\0\0" + zlib.compress(bytes(200 << 20), 9)
    data = io.BytesIO(png(1, b"zTXt", bomb)).getvalue()
    assert orientation(data) == 1
