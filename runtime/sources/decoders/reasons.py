"""Why FFmpeg couldn't open a stream, or lost it, in words that hold nothing of its address.

FFmpeg's own log would tell more, but can't be read safely while several threads decode:
what its error codes leave open is found out by a look of our own.
"""

from __future__ import annotations

import errno
import http
import socket
from typing import Any
from urllib.parse import urlsplit

import av

from runtime.sources.decoders import base

#: Ports that FFmpeg takes where the address has none.
_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443}

#: Longest time to look whether a host is there at all, in seconds.
_LOOK_S = 1.5

#: What FFmpeg gives for an unknown host, and for a server that hangs up.
_BROKE = (errno.EIO, errno.EPIPE, errno.ECONNRESET)

_STATUSES = (
    (av.error.HTTPUnauthorizedError, http.HTTPStatus.UNAUTHORIZED),
    (av.error.HTTPForbiddenError, http.HTTPStatus.FORBIDDEN),
    (av.error.HTTPNotFoundError, http.HTTPStatus.NOT_FOUND),
    (av.error.HTTPBadRequestError, http.HTTPStatus.BAD_REQUEST),
)


def is_http_status(error: BaseException) -> bool:
    """Whether it is a server's own refusal."""
    return isinstance(error, (av.error.HTTPError, av.error.HTTPClientError))


def why_unopened(error: BaseException, url: str, took_s: float) -> str:
    """Why a stream of FFmpeg's own protocols could not be opened.

    Args:
        error: What `av.open` raised.
        url: The stream's.
        took_s: How long it took until then, in seconds.
    """
    from runtime.sources.decoders.http_connection import failed, refused  # not for files

    scheme = url.partition("://")[0].lower()
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return refused(status)
    if isinstance(error, av.error.HTTPServerError):
        return "answers with an error of its own (5xx)"
    if is_http_status(error):
        return "refuses the request (4xx): its path, its transport or the number of its viewers"
    if scheme.startswith("rtmp"):
        # FFmpeg has these codes for what servers say in words of their own.
        if isinstance(error, av.error.UnknownError):
            return "refuses the connection: a wrong or missing user and password, or application"
        if isinstance(error, av.error.PermissionError):
            return "has no such stream, or not for this user and password"
    silent = took_s > 0.9 * base.TIMEOUT_S
    if scheme in _PORTS and (silent or not _tells(error)):
        unreachable = _unreachable(url, _PORTS[scheme])
        if unreachable:
            return unreachable
    if silent and scheme in ("udp", "rtp"):
        return f"nothing comes within {base.TIMEOUT_S:g} s"
    if silent:
        return f"is connected, but sends nothing within {base.TIMEOUT_S:g} s"
    if isinstance(error, OSError) and error.errno in _BROKE and scheme in _PORTS:
        why = ": a wrong or missing user and password, perhaps" if scheme == "rtmp" else ""
        return f"is connected, but breaks off{why}"
    if isinstance(error, OSError):
        return failed(error)
    if scheme in ("udp", "rtp", "tcp"):
        return "sends something that isn't video"
    return f"is connected, but its answer is no {scheme.upper()}, or describes no video"


def why_lost(error: BaseException | None) -> str:
    """Why an open stream gave no more.

    Args:
        error: What its demuxer raised; None at an end without any.
    """
    if error is None:
        return "the server ended the stream"
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        return f"nothing came within {base.TIMEOUT_S:g} s"
    if isinstance(error, OSError) and error.strerror:
        return f"the connection broke ({error.strerror})"
    return "the connection broke"


def no_video(container: Any) -> str:
    """Why a container that could be opened holds nothing to see."""
    videos = [stream for stream in container.streams if stream.type == "video"]
    if videos:
        return "its video has a codec that can't be decoded here (H.264 and H.265 always can)"
    if any(stream.type == "audio" for stream in container.streams):
        return "holds sound only, no video"
    return "holds no video that can be decoded"


def _tells(error: BaseException) -> bool:
    """Whether an error says by itself what is wrong."""
    return (
        isinstance(error, OSError)
        and not isinstance(error, av.error.TimeoutError)
        and error.errno not in _BROKE
    )


def _unreachable(url: str, port: int) -> str:
    """Why no connection to a server can be made; empty where one can."""
    from runtime.sources.decoders.http_connection import failed

    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or port
        socket.create_connection((host, port), _LOOK_S).close()
    except TimeoutError:
        return "can't be reached: the host doesn't answer"
    except (OSError, UnicodeError) as error:
        return failed(error)
    except ValueError:
        return "a malformed URL"
    return ""
