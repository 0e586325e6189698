"""Whom TLS connections trust: the system's authorities, or for a source what the options say."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from runtime.errors import UserError

#: Schemes of sources whose connections are encrypted.
TLS_SCHEMES = ("https", "rtsps", "rtmps")

#: Where systems keep the authorities they trust, for a Python that was built elsewhere.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Tls:
    """How the certificate of `https`, `rtsps` and `rtmps` servers is verified.

    Attributes:
        authorities: PEM file of the certificates that are trusted; None for the
            system's, or those of `SSL_CERT_FILE`.
        insecure: Trust any certificate: whoever is in between reads and changes
            everything, and gets the password.
    """

    authorities: str | None = None
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """For Python's own connections.

        Raises:
            UserError: The file of authorities can't be read.
        """
        if self.insecure:
            return _trusting()
        file = self._bundle()
        try:
            found = os.stat(file)
            return _verifying(file, found.st_mtime_ns, found.st_size)
        except ssl.SSLError as error:
            raise UserError(f"--tls_ca {file}: no certificate in PEM form") from error
        except OSError as error:
            raise UserError(f"--tls_ca {file}: {error.strerror}") from error

    def ffmpeg_options(self) -> dict[str, str]:
        """For FFmpeg's connections: its own default is to verify nothing.

        Raises:
            UserError: The file of authorities can't be read.
        """
        if self.insecure:
            return {"tls_verify": "0"}
        self.context()  # says what is wrong with the file, which FFmpeg would not
        return {"tls_verify": "1", "ca_file": self._bundle()}

    def _bundle(self) -> str:
        if self.authorities is not None:
            return self.authorities
        default = ssl.get_default_verify_paths().cafile
        for file in (default, *_BUNDLES):
            if file and Path(file).is_file():
                return file
        raise UserError(
            "this machine has no list of trusted certificate authorities: install "
            "ca-certificates, or name a file by --tls_ca"
        )


@lru_cache(maxsize=16)
def _verifying(file: str, changed_ns: int, size: int) -> ssl.SSLContext:
    """Trusts the authorities of a file; read again only when that has changed."""
    context = ssl.create_default_context(cafile=file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _trusting() -> ssl.SSLContext:
    """Trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def choose_trust(
    files: Sequence[str] | None, insecure: Sequence[int] | None, count: int
) -> list[Tls]:
    """Whom each source's connection trusts, by the options.

    Args:
        files: `--tls_ca`: one for all sources, or one each.
        insecure: `--tls_insecure`: numbers of sources; all of them where it is empty.
        count: Number of sources.

    Raises:
        UserError: There are too many files, or a number is no source's.
    """
    if files and len(files) not in (1, count):
        raise UserError(f"--tls_ca takes one file, or one for each of the {count} sources")
    if not all(0 <= number < count for number in insecure or ()):
        raise UserError(f"--tls_insecure takes numbers of sources, 0 to {count - 1}")
    chosen = () if insecure is None else insecure or range(count)
    return [Tls(files[n % len(files)] if files else None, n in chosen) for n in range(count)]
