"""Children that are ended for certain, with all that they started, and say why they failed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.errors import UserError

#: Longest reason in a row, in characters.
_LONGEST = 120


#: All that a peer's code sees of the caller's variables, which may hold tokens;
#: the certificates are files of the system, without which it could download nothing.
_KEPT = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT"),
    # OpenBLAS computes wrongly on some processors unless it is told which they are.
    "OPENBLAS_CORETYPE",
)


class PeerError(UserError):
    """What a peer failed with: it becomes a row of the report."""


def variables(home: Path, scratch: Path) -> dict[str, str]:
    """The environment variables of a peer, or of its install.

    Args:
        home: Its home folder, where it keeps what it downloads.
        scratch: Its folder for temporary files.
    """
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "CUDA_VISIBLE_DEVICES": "",  # all run on the CPU
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "ORT_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
    }


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills a child that leads a process group of its own, and the group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def reason(text: str) -> str:
    """The line of a log that says what went wrong, short and without addresses."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if "complete log of this run" not in line]  # npm's last
    telling = [line for line in lines if re.search(r"error\b", line, re.IGNORECASE)]
    line = next(iter([*reversed(telling), *reversed(lines)]), "it says nothing")
    line = re.sub(r"\w+://\S+", "(an address)", line)
    # Some decorate theirs with pictures.
    line = " ".join(line.encode("ascii", "ignore").decode().split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def run_quietly(command: Sequence[str], log: Path, limit_s: float, env: Mapping[str, str]) -> None:
    """Runs a command to its end, its output in a file.

    Args:
        command: The program and its arguments.
        log: Is added to; its folder is the command's.
        limit_s: Time until it is ended.
        env: Its environment variables, such as `variables` gives.

    Raises:
        PeerError: It failed or took too long.
    """
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=log.parent,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise PeerError(f"{command[0]} can't be run ({error.strerror})") from error
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired as error:
            raise PeerError(f"not done after {limit_s:.0f} s") from error
        finally:
            end(process)
    if process.returncode:
        raise PeerError(reason(log.read_text(errors="replace")))
