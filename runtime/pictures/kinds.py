"""The kinds of pictures that are read, in one list; loads nothing."""

from __future__ import annotations

#: Suffixes by kind. A file that is named itself is read whatever its suffix says.
KINDS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WebP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "HEIC": (".heic", ".heif", ".hif"),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "PNM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "GIF": (".gif",),
}

#: What a folder's pictures end in, in lower case.
SUFFIXES = frozenset(suffix for suffixes in KINDS.values() for suffix in suffixes)

#: What is read, in words.
WORDS = ", ".join(KINDS).replace(", GIF", " or GIF")

#: Suffixes of videos that begin as a picture does: of pictures one after the other.
CONCATENATED = frozenset((".mjpg", ".mjpeg"))
