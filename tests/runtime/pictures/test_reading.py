"""Pictures of every kind and depth give the same face."""

import io
import sys

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from runtime.errors import SourceError
from runtime.pictures.heif import heif_brand
from runtime.pictures.reading import decode_picture, read_picture
from tests.conftest import PORTRAIT
from tests.runtime.pictures.files import saved

FACE = Image.open(PORTRAIT).convert("RGB").resize((96, 96))
BGR = np.asarray(FACE)[:, :, ::-1]
GREY = np.asarray(FACE.convert("L"))
FEW = FACE.convert("P", palette=Image.Palette.ADAPTIVE)


def encoded(suffix: str, image: np.ndarray) -> bytes:
    good, data = cv2.imencode(suffix, image)
    assert good
    return data.tobytes()


COLOUR = {
    "cmyk jpeg": lambda: saved(FACE.convert("CMYK"), "JPEG", quality=95),
    "palette png": lambda: saved(FEW, "PNG"),
    "palette png with transparency": lambda: saved(FEW, "PNG", transparency=bytes([200] * 256)),
    "transparent png": lambda: saved(FACE.convert("RGBA"), "PNG"),
    "16-bit png": lambda: encoded(".png", BGR.astype(np.uint16) * 257),
    "16-bit ppm": lambda: encoded(".ppm", BGR.astype(np.uint16) * 257),
    "16-bit tiff": lambda: encoded(".tiff", BGR.astype(np.uint16) * 257),
    "signed 16-bit tiff": lambda: encoded(".tiff", BGR.astype(np.int16) * 128),
    "32-bit tiff": lambda: encoded(".tiff", BGR.astype(np.uint32) << 24),
    "float tiff up to 1": lambda: encoded(".tiff", BGR.astype(np.float32) / 255),
    "float tiff up to 255": lambda: encoded(".tiff", BGR.astype(np.float32)),
    "float tiff up to 65535": lambda: encoded(".tiff", BGR.astype(np.float32) * 257),
    "double tiff": lambda: encoded(".tiff", BGR.astype(np.float64) / 255),
    "cmyk tiff": lambda: saved(FACE.convert("CMYK"), "TIFF"),
    "palette tiff": lambda: saved(FEW, "TIFF"),
    "transparent webp": lambda: saved(FACE.convert("RGBA"), "WEBP", quality=95),
    "transparent avif": lambda: saved(FACE.convert("RGBA"), "AVIF", quality=95),
    "gif": lambda: saved(FACE, "GIF"),
    "palette bmp": lambda: saved(FEW, "BMP"),
}
SHADES = {
    "grey png with transparency": lambda: saved(FACE.convert("LA"), "PNG"),
    "grey tiff with transparency": lambda: saved(FACE.convert("LA"), "TIFF"),
    "grey float tiff": lambda: encoded(".tiff", GREY.astype(np.float32) / 255),
    "grey 16-bit png": lambda: encoded(".png", GREY.astype(np.uint16) * 257),
    "grey avif": lambda: saved(FACE.convert("L"), "AVIF", quality=95),
}


@pytest.mark.parametrize("kind", {**COLOUR, **SHADES})
def test_unusual_pictures_look_like_usual_ones(kind):
    data = {**COLOUR, **SHADES}[kind]()
    want = BGR if kind in COLOUR else np.repeat(GREY[:, :, None], 3, axis=2)
    got = decode_picture(data, "p")
    assert got.dtype == np.uint8
    assert got.shape == want.shape
    assert np.abs(got.astype(int) - want).mean() < 6
    grey = decode_picture(data, "p", grey=True)
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - GREY).mean() < 6


def test_floats_that_are_no_numbers_are_black():
    values = np.full((8, 8, 3), 0.5, np.float32)
    values[0], values[1], values[2], values[3] = np.nan, np.inf, -np.inf, -1
    got = decode_picture(encoded(".tiff", values), "p")
    assert (got[:4] == 0).all()
    assert (got[4:] == 128).all()


@pytest.mark.parametrize(
    ("name", "kind"), [("png.jpg", "PNG"), ("nothing", "JPEG"), ("text.txt", "WEBP")]
)
def test_what_a_file_holds_counts_and_not_its_suffix(tmp_path, name, kind):
    (tmp_path / name).write_bytes(saved(FACE, kind))
    assert read_picture(tmp_path / name).shape == (96, 96, 3)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_several_pictures_the_first_is_read_which_is_said(kind, caplog):
    others = [ImageOps.invert(FACE), FACE.rotate(90)]
    data = saved(FACE, kind, save_all=True, append_images=others)
    with caplog.at_level("INFO"):
        got = decode_picture(data, "video")
    assert np.abs(got.astype(int) - BGR).mean() < 6
    assert "video: the first of its 3 frames or pages is read" in caplog.text


def test_a_small_copy_is_no_page(caplog):
    small = FACE.resize((24, 24))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = saved(FACE, "TIFF", save_all=True, append_images=[small])
    with caplog.at_level("INFO"):
        assert decode_picture(data, "p").shape == (96, 96, 3)
    assert not caplog.records


#: What an iPhone's picture begins with.
HEIC = (
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    b"\0\0\0\x38meta\0\0\0\0\0\0\0\x2ciprp\0\0\0\x1cipco\0\0\0\x14ispe\0\0\0\0\0\0\0\x60\0\0\0\x60"
)


def test_heic_without_its_package_is_one_line_that_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(SourceError) as error:
        decode_picture(HEIC + bytes(8), "IMG_1.HEIC")
    assert "IMG_1.HEIC" in str(error.value)
    assert "pip install 'emotion-edge[heif]'" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("tag", [1, 3, 6, 8])
def test_heic(tag):
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    heif.register_heif_opener()
    held = Image.Exif()
    held[0x112] = tag
    data = saved(FACE, "HEIF", quality=90, exif=held.tobytes())
    assert heif_brand(data) == "HEIC"
    turned = FACE.copy()
    turned.getexif()[0x112] = tag
    want = np.asarray(ImageOps.exif_transpose(turned))[:, :, ::-1]
    assert np.abs(decode_picture(data, "p").astype(int) - want).mean() < 8
    assert decode_picture(data, "p", grey=True).shape == (96, 96)
    with pytest.raises(SourceError, match=r"^p: [^\n]+$"):
        decode_picture(data[: len(data) // 2], "p")


def test_a_film_is_no_picture():
    assert heif_brand(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100)) is None
    with pytest.raises(SourceError, match="not a picture"):
        decode_picture(io.BytesIO(b"\0\0\0\x18ftypisom\0\0\0\0isommp42").getvalue(), "video.mp4")
