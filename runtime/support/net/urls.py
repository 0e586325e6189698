"""What URLs of sources and of receivers have in common."""

from __future__ import annotations

import logging
import urllib.parse

log = logging.getLogger("runtime")


def request_target(path: str, query: str) -> str:
    """What an HTTP request asks for, in the characters that `http.client` lets through.

    Args:
        path: As in the URL; empty for the root.
        query: As in the URL, or empty.
    """
    target = urllib.parse.quote(path or "/", safe="/%:@!$&'()*+,;=~")
    if query:
        target += "?" + urllib.parse.quote(query, safe="/%:@!$&'()*+,;=~?")
    return target


def warn_of_plain_password(shown: str, scheme: str) -> None:
    """Says that a user and password can be read on their way.

    Args:
        shown: The address, as messages may show it.
        scheme: Of the address; the one that encrypts has an `s` behind it.
    """
    log.warning(
        "%s: user and password go over plain %s, where others can read them; use %ss://",
        *(shown, scheme, scheme),
    )
