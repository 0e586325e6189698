"""Pictures are measured before they are decoded."""

import io
import os
import socket
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from runtime.errors import SourceError
from runtime.pictures.folders import list_pictures
from runtime.pictures.header import is_animation, picture_size
from runtime.pictures.reading import MAX_FILE, read_picture
from runtime.sources.factory import open_source
from tests.conftest import PORTRAIT
from tests.runtime.pictures.files import chunk
from tests.support.limited import run_limited


def saved(kind: str, width: int, height: int, **options: object) -> bytes:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
    stream = io.BytesIO()
    if options.pop("many", False):
        options |= {"save_all": True, "append_images": [ImageOps.invert(image)]}
    image.convert(str(options.pop("mode", "RGB"))).save(stream, kind, **options)
    return stream.getvalue()


#: Pillow's name of a kind of file and how it is saved.
FILES = {
    "jpeg": ("JPEG", {}),
    "jpeg progressive": ("JPEG", {"progressive": True}),
    "jpeg grey": ("JPEG", {"mode": "L"}),
    "jpeg cmyk": ("JPEG", {"mode": "CMYK"}),
    "jpeg with a comment": ("JPEG", {"comment": b"\xff\xc0" + b"x" * 60_000}),
    "png": ("PNG", {}),
    "png palette": ("PNG", {"mode": "P"}),
    "webp": ("WEBP", {}),
    "webp lossless": ("WEBP", {"lossless": True}),
    "webp with exif": ("WEBP", {"exif": b"Exif\0\0MM\0\x2a\0\0\0\x08\0\0\0\0\0\0"}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "bigtiff": ("TIFF", {"big_tiff": True}),
    "ppm": ("PPM", {}),
    "pgm": ("PPM", {"mode": "L"}),
    "pbm": ("PPM", {"mode": "1"}),
    "gif": ("GIF", {}),
    "avif": ("AVIF", {}),
    "avif grey": ("AVIF", {"mode": "L"}),
    "avif of transparency": ("AVIF", {"mode": "RGBA"}),
}

ANIMATIONS = {
    "gif animation": ("GIF", {"many": True}),
    "png animation": ("PNG", {"many": True}),
    "webp animation": ("WEBP", {"many": True}),
}

PAGES = {
    "tiff pages": ("TIFF", {"many": True}),
    "mpo": ("MPO", {"many": True}),
    "avif animation": ("AVIF", {"many": True}),
}

ALL = {**FILES, **ANIMATIONS, **PAGES}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (300, 2), (640, 480)])
def test_the_header_says_what_opencv_decodes(tmp_path, name, size):
    kind, options = ALL[name]
    data = saved(kind, *size, **options)
    assert picture_size(data) == size
    assert is_animation(data) == (name in ANIMATIONS or name == "gif")
    path = tmp_path / "picture"
    path.write_bytes(data)
    assert read_picture(path).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiffs_of_both_byte_orders_and_tiles_that_are_too_large(order):
    def tiff(*tags: tuple[int, int, int]) -> bytes:
        mark = b"II\x2a\0" if order == "<" else b"MM\0\x2a"
        entries = b"".join(
            struct.pack(order + "HHI", tag, kind, 1)
            + struct.pack(order + {3: "H2x", 4: "I"}[kind], value)
            for tag, kind, value in tags
        )
        return mark + struct.pack(order + "IH", 8, len(tags)) + entries

    assert picture_size(tiff((256, 3, 700), (257, 4, 70_000))) == (700, 70_000)
    assert picture_size(tiff((256, 3, 7), (257, 3, 9), (322, 4, 64), (323, 4, 64))) == (7, 9)
    assert picture_size(tiff((256, 3, 7), (257, 3, 9), (322, 4, 40_000), (323, 4, 40_000))) is None
    assert picture_size(tiff((256, 3, 7), (257, 3, 9), (256, 4, 90_000))) == (90_000, 9)


@pytest.mark.parametrize(("name", "good"), [(b"sRGB \xfc", True), (b"a\x1b]0;b\x07", False)])
def test_a_colour_profiles_name_reaches_no_terminal_raw(tmp_path, name, good, capfd):
    rest = zlib.compress(b"\0\0\0\x10" + np.random.default_rng(0).bytes(500))
    png = saved("PNG", 8, 8)
    path = tmp_path / "a.png"
    path.write_bytes(png[:33] + chunk(b"iCCP", name + b"\0\0" + rest) + png[33:])
    if good:
        assert read_picture(path).shape == (8, 8, 3)
    else:
        with pytest.raises(SourceError, match="not a picture"):
            read_picture(path)
    assert "\x1b" not in capfd.readouterr().err


def png_of(width: int, height: int) -> bytes:
    """One bit a pixel, all zeros, compressed a thousandfold."""
    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


BOMBS = {
    "png": lambda: png_of(16_000, 16_000),
    "jpeg": lambda: saved("JPEG", 8, 8).replace(
        b"\xff\xc0\0\x11\x08\0\x08\0\x08", b"\xff\xc0\0\x11\x08\xff\xff\xff\xff"
    ),
    "gif": lambda: b"GIF89a\xff\xff\xff\xff" + saved("GIF", 8, 8)[10:],
    "gif animation": lambda: b"GIF89a\x00\x20\x00\x20" + saved("GIF", 8, 8)[10:],
    "bmp": lambda: saved("BMP", 8, 8)[:18] + struct.pack("<ii", 60_000, -60_000) + bytes(9),
    "webp": lambda: b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(9),
    "ppm": lambda: b"P5 # 1 1\n 90000\n 90000 255\n",
    "avif": lambda: saved("AVIF", 8, 8).replace(
        b"ispe\0\0\0\0\0\0\0\x08\0\0\0\x08", b"ispe\0\0\0\0\0\0\x40\x08\0\0\x40\x08"
    ),
    "tiff": lambda: (
        b"II\x2a\0\x08\0\0\0\x02\0"
        + struct.pack("<HHIIHHII", 256, 4, 1, 1 << 31, 257, 4, 1, 1 << 31)
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_of_many_pixels_is_refused_in_little_memory(tmp_path, name):
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS[name]())
    assert path.stat().st_size < 40_000
    code = (
        "import sys\nfrom pathlib import Path\nfrom runtime.pictures.reading import read_picture\n"
        "from runtime.errors import SourceError\n"
        "try: print(read_picture(Path(sys.argv[1])).shape)\nexcept SourceError as e: print(e)"
    )
    done = run_limited(code, path, megabytes=600)
    assert done.returncode == 0, done.stderr
    assert "too large" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_picture_of_a_hundred_million_pixels_is_read(tmp_path):
    # The largest cameras' size; and what it takes: 0.7 GB, besides what starting takes.
    code = (
        "import sys\nfrom pathlib import Path\nfrom runtime.pictures.reading import read_picture\n"
        "print(read_picture(Path(sys.argv[1])).shape)"
    )
    path = tmp_path / "large.png"
    path.write_bytes(png_of(12_000, 9_000))
    done = run_limited(code, path, megabytes=1536)
    assert done.stdout == "(9000, 12000, 3)\n", done.stderr


def test_a_jpeg_of_very_many_scans_is_refused():
    data = saved("JPEG", 640, 480, progressive=True)
    start = data.rindex(b"\xff\xda")
    assert picture_size(data[:-2] + data[start:-2] * 200 + data[-2:]) is None


@given(st.binary(max_size=300))
def test_any_bytes_have_a_size_or_none(data):
    for start in (b"", b"\xff\xd8\xff", b"II\x2a\0", b"MM\0\x2b", b"BM", b"P6 ", b"GIF89a"):
        size = picture_size(start + data)
        assert size is None or min(size) >= 0


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder", "huge", "loop"])
def test_files_that_are_no_pictures_neither_hang_nor_fill_the_memory(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    path = tmp_path / "p.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind("p.png")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        with path.open("wb") as stream:
            stream.truncate(MAX_FILE + 1)
    with pytest.raises(SourceError, match="p.png: ") as error:
        read_picture(path)
    assert "\n" not in str(error.value)
    (tmp_path / "q.png").write_bytes(PORTRAIT.read_bytes())
    if kind == "huge":
        (tmp_path / "p.png").unlink()
    assert [p.name for p in list_pictures(tmp_path)] == ["q.png"]
    source = open_source(str(tmp_path))
    assert source.read() is not None
    assert source.read() is None


def test_a_grey_picture_of_opencvs_own_still_has_its_size():
    for suffix in (".png", ".jpg", ".bmp", ".webp", ".tiff", ".pgm", ".pbm"):
        good, data = cv2.imencode(suffix, np.zeros((5, 9), np.uint8))
        assert good
        assert picture_size(data.tobytes()) == (9, 5), suffix


@pytest.mark.parametrize("side", [chunk(b"tIME", b"x"), chunk(b"tEXt", b"")])
def test_a_png_of_very_many_side_chunks_floods_no_log(tmp_path, side, capfd):
    whole = saved("PNG", 64, 48)
    few, many = tmp_path / "few.png", tmp_path / "many.png"
    few.write_bytes(whole[:33] + side * 200 + whole[33:])
    many.write_bytes(whole[:33] + side * 50_000 + whole[33:])
    assert read_picture(few).shape == (48, 64, 3)
    with pytest.raises(SourceError):
        read_picture(many)
    assert len(capfd.readouterr().err) < 50_000
