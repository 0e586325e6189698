"""Pictures behind a URL, read once."""

from __future__ import annotations

import re

from runtime.errors import SourceError
from runtime.sources.decoders.http import HttpFile
from runtime.sources.decoders.http_connection import Allowance
from runtime.support.net.tls import Tls
from runtime.support.redaction import shown_address

#: Most bytes of a picture that a server sends, and all its time for it in seconds.
MAX_BYTES, TIMEOUT_S = 100 << 20, 30.0

#: How an address with a scheme begins.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def is_address(text: str) -> bool:
    """Whether a text names a picture on a server, or another address than a file's."""
    found = _SCHEME.match(text)
    return found is not None and found[1].lower() != "file"


def shown_picture(url: str) -> str:
    """What results and messages call a picture behind a URL: no password, and no secret path."""
    return shown_address(url, path=True)


def download_picture(
    url: str, tls: Tls, limit: int = MAX_BYTES, seconds: float = TIMEOUT_S
) -> bytes:
    """The bytes behind an http(s) URL; user and password in it are for that server alone.

    Args:
        url: The address.
        tls: Whom to trust.
        limit: Most bytes.
        seconds: All the time that the server has.

    Raises:
        SourceError: It can't be reached, refuses, sends a web page or more than it may; the
            message names it as `shown_picture` does.
    """
    name = shown_picture(url)
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    if scheme not in ("http", "https"):
        raise SourceError(f"{name}: pictures are read from http:// and https:// alone")
    allowance = Allowance()
    # Headers and redirects count, too.
    allowance.renew(seconds, limit + (1 << 16))
    try:
        file = HttpFile(url, allowance, tls)
    except SourceError as error:
        raise SourceError(f"{name}: {error}") from error
    try:
        if file.size is not None and file.size > limit:
            raise SourceError(f"{name}: too large ({file.size} bytes, more than {limit >> 20} MiB)")
        parts = []
        while part := file.read(1 << 16):
            parts.append(part)
        data = b"".join(parts)
        if file.failure:
            raise SourceError(f"{name}: {file.failure}")
        if file.size is not None and len(data) < file.size:
            raise SourceError(f"{name}: ended after {len(data)} of {file.size} bytes")
        if re.match(rb"(?i)\s*(?:<!doctype|<html|<head)", data[:512]):
            raise SourceError(f"{name}: is a web page, not a picture")
        return data
    finally:
        file.close()
