"""URLs of receivers, read so that no message repeats their secrets."""

from __future__ import annotations

import urllib.parse
from collections.abc import Collection
from dataclasses import dataclass, field

from runtime.errors import UserError
from runtime.support.net.urls import warn_of_plain_password
from runtime.support.redaction import shown_address


@dataclass(frozen=True)
class Address:
    """A receiver's URL in parts.

    Attributes:
        shown: Scheme, host and port: all that messages may show.
        scheme: Such as `https`.
        host: Name or number.
        port: None where the URL has none.
        path: As written, with its leading slash, or empty.
        query: As written.
        user: Decoded; None where the URL has none.
        password: Decoded; None where the URL has none.
    """

    shown: str
    scheme: str
    host: str
    port: int | None
    path: str = field(repr=False)
    query: str = field(repr=False)
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)


def read_address(url: str, schemes: Collection[str], form: str) -> Address:
    """Takes a URL apart.

    Args:
        url: What the user gave.
        schemes: Those that will do.
        form: What is said of any other URL, which isn't repeated.

    Raises:
        UserError: It is another URL.
    """
    try:
        url.encode()
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # its text may hold parts of the URL, so it is no cause either
        raise UserError(form) from None
    if parts.scheme not in schemes or not host or "#" in url:
        raise UserError(form)
    if " " in host or not host.isprintable():
        raise UserError(form)
    if "@" in parts.path + parts.query:
        # A password with / ? or # in it would be taken for the host.
        raise UserError(f"{form}; write / ? # @ inside of a part as %2F %3F %23 %40")
    user, password = (
        None if text is None else urllib.parse.unquote(text)
        for text in (parts.username, parts.password)
    )
    shown = shown_address(url)
    return Address(shown, parts.scheme, host, port, parts.path, parts.query, user, password)


def warn_of_password(address: Address) -> None:
    """Says once that a password can be read on its way."""
    if (address.user or address.password) and not address.scheme.endswith("s"):
        warn_of_plain_password(address.shown, address.scheme)
