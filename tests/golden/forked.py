"""Runs many command lines as `python -m` would, each in a fork of one interpreter.

The packages that take long to import are here already, so that a command costs a
tenth of a second and not three; nothing of our own is. Given a JSON list of argument
lists on standard input, prints a JSON list of [exit code, stdout, stderr].
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import tempfile
import traceback
from pathlib import Path

_SLOW = ("numpy", "yaml", "cv2", "onnxruntime", "av", "onnx", "torch")


def main() -> None:
    """Reads, runs two at a time, and answers in the order given."""
    lines = json.loads(sys.stdin.read())
    for name in _SLOW:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    with tempfile.TemporaryDirectory() as folder:
        codes: dict[int, int] = {}
        running: dict[int, int] = {}
        for number, argv in enumerate(lines):
            if len(running) == 2:
                _reap(running, codes)
            running[_start(argv, Path(folder, str(number)))] = number
        while running:
            _reap(running, codes)
        answers = [
            [codes[number], *(Path(folder, f"{number}{end}").read_text() for end in (".o", ".e"))]
            for number in range(len(lines))
        ]
    print(json.dumps(answers))


def _start(argv: list[str], base: Path) -> int:
    """Forks; the child becomes the command. Returns its process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        for number, end in ((1, ".o"), (2, ".e")):
            file = os.open(f"{base}{end}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
        sys.argv = ["", *argv[1:]]
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end_:
        code = end_.code if isinstance(end_.code, int) else int(end_.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
        os._exit(code)


def _reap(running: dict[int, int], codes: dict[int, int]) -> None:
    child, status = os.wait()
    codes[running.pop(child)] = os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main()
