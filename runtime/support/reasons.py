"""What an error is told by: one short line, and nothing in it that mustn't be shown."""

from __future__ import annotations

import errno
import sys

from runtime.support.redaction import printable, redact

#: Longest text of an error that is shown, in characters.
_MOST = 300


def reason(error: BaseException) -> str:
    """What an error says, in one short line without secrets; its kind where it says nothing."""
    text = redact(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= _MOST else text[:_MOST] + "..."


def connection_reason(error: object) -> str:
    """Why a connection failed, in words that hold no URL and nothing the other side wrote.

    Args:
        error: What was raised; `URLError.reason` may be a plain text, of which only
            its kind is told.
    """
    # Looked up, not imported: a plain connection needs no ssl, which takes its time.
    ssl = sys.modules.get("ssl")
    if ssl is not None and isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {printable(error.verify_message)}"
    if ssl is not None and isinstance(error, ssl.SSLError):
        return f"no TLS connection: {printable(getattr(error, 'reason', None) or 'broken')}"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.errno == errno.EMSGSIZE:
        return "sends more than it should"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
