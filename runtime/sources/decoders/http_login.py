"""How a camera's web server is told user and password."""

from __future__ import annotations

import hashlib
import urllib.request
import warnings
from typing import Any

# What cameras write there is nothing for the terminal.
warnings.filterwarnings("ignore", "Basic Auth Realm was unquoted", UserWarning)


class _Tolerant:
    """Takes a scheme that isn't known for a login that fails; the base class raises."""

    def http_error_401(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """See the base class."""
        try:
            return super().http_error_401(req, fp, code, msg, headers)  # type: ignore[misc]
        except ValueError:
            return None


class BasicLogin(_Tolerant, urllib.request.HTTPBasicAuthHandler):
    """Basic authentication."""


class DigestLogin(_Tolerant, urllib.request.HTTPDigestAuthHandler):
    """Digest authentication, by MD5, SHA or SHA-256."""

    def get_algorithm_impls(self, algorithm: str) -> Any:
        """Hashes of what cameras ask for, also of passwords beyond ASCII."""
        name = {"MD5": "md5", "SHA": "sha1", "SHA-256": "sha256"}.get(algorithm.upper())
        if name is None:
            raise ValueError("unknown algorithm")

        def digest(text: str) -> str:
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        return digest, lambda secret, data: digest(f"{secret}:{data}")
