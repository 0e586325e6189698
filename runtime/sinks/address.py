"""URLs of receivers, read so that no message repeats their secrets."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Collection
from dataclasses import dataclass, field

from runtime.errors import UserError


@dataclass(frozen=True)
class Address:
    """A receiver's URL in parts.

    Attributes:
        scheme: Such as `https`.
        host: Name or number.
        port: None where the URL has none.
        path: As written, with its leading slash, or empty.
        query: As written.
        user: Decoded; None where the URL has none.
        password: Decoded; None where the URL has none.
    """

    scheme: str
    host: str
    port: int | None
    path: str = field(repr=False)
    query: str = field(repr=False)
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)

    @property
    def shown(self) -> str:
        """Scheme, host and port: all that messages may show."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")


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
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(form) from error
    if parts.scheme not in schemes or not host or "#" in url or re.search(r"[\x00-\x20\x7f]", host):
        raise UserError(form)
    if "@" in parts.path + parts.query and "@" not in parts.netloc:
        # A password with / ? or # in it would be taken for the host.
        raise UserError(f"{form}; write / ? # @ inside of a part as %2F %3F %23 %40")
    user, password = (
        None if text is None else urllib.parse.unquote(text)
        for text in (parts.username, parts.password)
    )
    return Address(parts.scheme, host, port, parts.path, parts.query, user, password)
