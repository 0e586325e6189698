"""Media files and network streams, decoded by FFmpeg through PyAV.

What an untrusted file or server may do is bounded here: which protocols and
containers it may lead to, how large a picture may be, how long it may take and how
much it may send before a frame comes.
"""

from __future__ import annotations

import ctypes
import logging
import time
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import av

from runtime.errors import SourceError, Unreachable
from runtime.sources.decoders import base
from runtime.sources.decoders.container import MAX_PIXELS, Container
from runtime.sources.decoders.hardware import accelerator
from runtime.sources.decoders.paced import PacedCapture
from runtime.sources.decoders.reasons import is_http_status, why_unopened
from runtime.support.net.tls import Tls

if TYPE_CHECKING:
    from runtime.sources.decoders.base import Capture
    from runtime.sources.decoders.http import HttpFile
    from runtime.sources.decoders.http_connection import Allowance
    from runtime.sources.decoders.web.snapshot import LastPicture

log = logging.getLogger(__name__)

#: Longest wait for the next part of a playlist, in seconds: it may be as long as that.
PLAYLIST_TIMEOUT_S = 30.0

#: Most bytes that a server may send before it has opened.
OPEN_BYTES = 256_000_000

#: Containers and elementary streams that are read; none of them names other files.
_FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,mjpeg,mpjpeg,gif,apng,webp,h264,hevc,m4v,"
    "mpegvideo,ivf,obu,av1,vc1,dv,mxf,gxf,wtv,nut,rm,h261,smjpeg,yuv4mpegpipe,jpeg_pipe,png_pipe"
)

#: And of a stream: what leads on to its parts.
_STREAM_FORMATS = f"{_FORMATS},hls,rtsp,rtp"

#: Protocols that FFmpeg may use for each scheme of its own.
_PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,srtp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tcp,tls",
    "rtp": "rtp,udp",
    "udp": "udp",
    "tcp": "tcp",
}

#: Schemes of network streams.
SCHEMES = ("http", "https", *_PROTOCOLS)

#: Demuxers by the media type that a server names; FFmpeg would guess from the bytes.
_BY_KIND = {
    "application/vnd.apple.mpegurl": "hls",
    "application/x-mpegurl": "hls",
    "audio/mpegurl": "hls",
    "audio/x-mpegurl": "hls",
}

#: FFmpeg's options for each way in which RTSP's pictures come.
_TRANSPORTS = {
    "auto": {"rtsp_flags": "prefer_tcp"},
    "tcp": {"rtsp_transport": "tcp"},
    "udp": {"rtsp_transport": "udp"},
}

#: Most bytes of one buffer inside FFmpeg: what RTSP and RTMP servers send is not counted.
_BUFFER_BYTES = 512 << 20


@cache
def _bound_buffers() -> None:
    """Makes FFmpeg refuse absurd allocations: a server can ask for 2 GB in one line."""
    try:
        with open("/proc/self/maps") as maps:
            names = {line.split(maxsplit=5)[5].strip() for line in maps if "/libavutil" in line}
        for name in names:
            library = ctypes.CDLL(name)
            library.av_max_alloc.argtypes = [ctypes.c_size_t]
            library.av_max_alloc(_BUFFER_BYTES)
    except (OSError, AttributeError) as error:
        log.debug("FFmpeg's buffers are not bounded: %s", error)


def open_file(path: Path, decode: str = "cpu") -> Container:
    """Opens a video file.

    Args:
        path: The file.
        decode: What decodes it, see `hardware.accelerator`.

    Raises:
        SourceError: It is no video that can be read, or what shall decode it isn't here.
    """
    hwaccel = accelerator(decode)
    container = open_container(path, hwaccel)
    return _made(container, None, base.TIMEOUT_S, live=False, hwaccel=hwaccel)


def open_container(path: Path, hwaccel: Any = None) -> Any:
    """Opens a media file, of which anything may be read.

    Args:
        path: The file.
        hwaccel: From `hardware.accelerator`; None decodes on the CPU.

    Returns:
        The container; the caller closes it.

    Raises:
        SourceError: It is no media file that can be read.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS} | _limits()
    try:
        # `file:` and an absolute path: a colon in a name begins no protocol.
        return av.open(f"file:{path.absolute()}", options=options, hwaccel=hwaccel)
    except (av.FFmpegError, OSError, MemoryError, ValueError) as error:
        raise SourceError("not a video that FFmpeg can read, or cut short") from error


def open_stream(
    url: str,
    tls: Tls,
    *,
    transport: str = "auto",
    poll_fps: float = 1.0,
    last: LastPicture | None = None,
    decode: str = "cpu",
) -> Capture:
    """Opens a network stream, a whole video behind a URL, or a camera's single pictures.

    Args:
        url: One of `SCHEMES`.
        tls: Whom to trust.
        transport: How RTSP's pictures come: `tcp`, `udp`, or `auto` for what works of both.
        poll_fps: How often single pictures are asked for, a second.
        last: The last of these pictures of this source, which is no new one.
        decode: What decodes video, see `hardware.accelerator`.

    Raises:
        Unreachable: It can't be reached, or isn't video; says which, without the URL.
        SourceError: It is another scheme, leads elsewhere, or holds no video that can be
            decoded.
    """
    hwaccel = accelerator(decode)
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise SourceError(f"{scheme}:// is no source; streams are {', '.join(SCHEMES)}")
    if scheme in ("http", "https"):
        return _open_http(url, tls, poll_fps, last, hwaccel)
    options = {"protocol_whitelist": _PROTOCOLS[scheme], "format_whitelist": _STREAM_FORMATS}
    if scheme in ("rtsp", "rtsps"):
        options |= _TRANSPORTS[transport]
    if scheme in ("rtsps", "rtmps"):
        options |= tls.ffmpeg_options()
    began = time.monotonic()
    try:
        container = av.open(
            url,
            options=options | _limits(),
            timeout=(base.TIMEOUT_S, base.TIMEOUT_S),
            hwaccel=hwaccel,
        )
    except (av.FFmpegError, OSError, MemoryError, ValueError) as error:
        why = why_unopened(error, url, time.monotonic() - began)
        if not tls.insecure and scheme in ("rtsps", "rtmps") and not is_http_status(error):
            why += (
                ", or its certificate is not trusted: name the authority's file by --tls_ca, or "
                "trust any by --tls_insecure"
            )
        raise Unreachable(why) from None  # FFmpeg's error has the address in it
    return _made(container, None, base.TIMEOUT_S, live=True, hwaccel=hwaccel)


def _open_http(
    url: str, tls: Tls, poll_fps: float, last: LastPicture | None, hwaccel: Any
) -> Capture:
    # Files need none of it.
    from runtime.sources.decoders.http import HttpFile
    from runtime.sources.decoders.http_connection import Allowance, check_step
    from runtime.sources.decoders.web.opening import opened_here

    allowance = Allowance()
    allowance.renew(base.TIMEOUT_S, OPEN_BYTES)
    first = HttpFile(url, allowance, tls)
    try:
        pictures = opened_here(first, allowance, poll_fps, last)
    except BaseException:
        first.close()
        raise
    if pictures is not None:
        return pictures
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    # FFmpeg would find a playlist whatever it is called, but wait too short for its parts.
    kind = "hls" if first.is_playlist() else _BY_KIND.get(first.kind)
    timeout_s = PLAYLIST_TIMEOUT_S if kind == "hls" else base.TIMEOUT_S
    allowance.renew(timeout_s, OPEN_BYTES)

    def open_part(name: str, flags: int, options: dict[str, str]) -> HttpFile | BytesIO:
        target = urljoin(first.name, name)
        goal = urlsplit(target)
        # The password is for the server that it was given for.
        if login and (goal.scheme, goal.netloc) == (parts.scheme, place):
            target = urlunsplit(goal._replace(netloc=f"{login}@{goal.netloc}"))
        offset, end = (int(options.get(key) or 0) for key in ("offset", "end_offset"))
        try:
            check_step(url, target)
            return HttpFile(target, allowance, tls, offset, end)
        except SourceError as error:
            if name.startswith("crypto"):
                log.warning("an encrypted part of a playlist is left out: it can't be read here")
            log.debug("a part of a playlist is left out: %s", error)
            return BytesIO()  # FFmpeg can't be told of an exception

    # A playlist's connections are ours: FFmpeg would end the process where it took them for
    # its own. It finds playlists also where the server calls them something else.
    options = {"format_whitelist": _STREAM_FORMATS, "http_persistent": "0"} | _limits()
    try:
        container = av.open(
            first,
            format=kind,
            options=options,
            timeout=(timeout_s, timeout_s),
            io_open=open_part,
            hwaccel=hwaccel,
        )
    except (av.FFmpegError, OSError, MemoryError, ValueError) as error:
        first.close()
        why = first.failure or f"sends {first.kind}, which isn't video that can be read"
        raise Unreachable(why) from error
    except BaseException:
        first.close()
        raise
    made = _made(container, allowance, timeout_s, live=True, hwaccel=hwaccel)
    # One that has an end is read like a file.
    return PacedCapture(made, timeout_s) if kind == "hls" and not made.frames else made


def _limits() -> dict[str, str]:
    _bound_buffers()
    return {"max_pixels": str(MAX_PIXELS)}


def _made(
    container: Any, allowance: Allowance | None, timeout_s: float, *, live: bool, hwaccel: Any
) -> Container:
    try:
        made = Container(container, allowance, timeout_s, live)
    except BaseException:
        container.close()
        raise
    context = container.streams.best("video").codec_context
    if hwaccel is not None and not context.is_hwaccel:
        log.warning("the hardware can't decode %s, so the CPU does", context.name)
    return made
