"""Network streams, and whole videos behind a URL."""

from __future__ import annotations

import re

from runtime.errors import SourceError, Unreachable
from runtime.sources.config import SourceConfig
from runtime.sources.decoders.base import Capture
from runtime.sources.files import FileSource
from runtime.sources.reconnecting import ReconnectingSource
from runtime.support.net.tls import TLS_SCHEMES
from runtime.support.redaction import shown_address


def open_stream(url: str, config: SourceConfig) -> FileSource | ReconnectingSource:
    """A network stream, or a whole video behind a URL.

    Raises:
        Unreachable: It can't be reached, or isn't video.
        SourceError: It is no URL of a stream, or leads elsewhere.
    """
    from runtime.sources.decoders import (
        ffmpeg as media,  # PyAV takes 0.1 s, which cameras need not wait
    )
    from runtime.sources.decoders.web.snapshot import LastPicture

    name, tls = shown_address(url), config.tls
    if tls.authorities is not None or url.partition("://")[0].lower() in TLS_SCHEMES:
        tls.context()  # a wrong file of authorities shows before any connection
    last = LastPicture()

    def connect() -> Capture:
        return media.open_stream(
            url,
            tls,
            transport=config.rtsp_transport,
            poll_fps=config.poll_fps,
            last=last,
            decode=config.decode,
        )

    try:
        capture = connect()
    except Unreachable as error:
        raise Unreachable(f"--source {name}: {error}{_malformed(url)}") from error
    except SourceError as error:
        raise SourceError(f"--source {name}: {error}{_malformed(url)}") from error
    # Only what has an end has a length.
    if capture.frames:
        return FileSource(capture, name)
    return ReconnectingSource(capture, name, connect, config.reconnect_s)


def _malformed(url: str) -> str:
    """What to do where the host can't be told from a password."""
    rest = re.sub(r"^[^/?#]*", "", url.partition("://")[2])
    return "; write / ? # @ inside a user or password as %2F %3F %23 %40" if "@" in rest else ""
