"""Runs a command and keeps what must not change: no times, no paths, no layout."""

from __future__ import annotations

import csv
import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.golden.commands import CLIPS, MODELS, PORTRAIT, REPO, write_inputs

T = TypeVar("T")

DATA = Path(__file__).parent / "data"

#: Keys of the summary that hold times.
_TIMES = {"seconds", "first_result_s", "fps", "p50", "p90", "p99"}


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and its normalised output."""

    code: int
    out: str
    err: str


class Bench:
    """A folder with the inputs of all commands, and the way to run one there."""

    def __init__(self, folder: Path) -> None:
        """Writes the inputs; takes a port, so that another can't."""
        self.folder = folder
        write_inputs(folder)
        self._taken = socket.create_server(("127.0.0.1", 0))
        self.names = {
            "{tmp}": str(folder),
            "{models}": str(MODELS),
            "{assets}": str(PORTRAIT.parent),
            "{clips}": str(CLIPS),
            "{port}": str(self._taken.getsockname()[1]),
            "{repo}": str(REPO),
        }

    def close(self) -> None:
        """Frees the port."""
        self._taken.close()

    def run(self, line: str) -> Said:
        """Runs `python -m LINE`, whose `{names}` are filled in, inside the folder."""
        done = self._python(["-m", *self._argv(line)])
        return Said(done.returncode, self.normalised(done.stdout), self.normalised(done.stderr))

    def run_all(self, lines: Sequence[str]) -> dict[str, Said]:
        """The same for many that are short, in forks of one interpreter."""
        done = self._python(
            ["-m", "tests.golden.forked"], json.dumps([self._argv(line) for line in lines])
        )
        assert done.returncode == 0, done.stderr
        answers = json.loads(done.stdout)
        return {
            line: Said(code, self.normalised(out), self.normalised(err))
            for line, (code, out, err) in zip(lines, answers, strict=True)
        }

    def _python(self, argv: list[str], fed: str = "") -> subprocess.CompletedProcess[str]:
        clean = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DISPLAY", "WAYLAND_DISPLAY", "FORCE_COLOR")
        }
        # So wide that nothing is wrapped; no colours (Python 3.14's argparse); and what
        # the runtime sets before it imports ONNX Runtime, as `forked` imports it first.
        ours = {"COLUMNS": "2000", "NO_COLOR": "1", "ORT_DISABLE_TELEMETRY": "1"}
        return subprocess.run(
            [sys.executable, *argv],
            cwd=self.folder,
            env={**clean, **ours, "PYTHONPATH": str(REPO)},
            input=fed,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def _argv(self, line: str) -> list[str]:
        """The words of a line, whose `{names}` are filled in."""
        for name, value in self.names.items():
            line = line.replace(name, value)
        return line.split()

    def normalised(self, text: str) -> str:
        """The text with `{names}` in place of this machine's paths and port."""
        for name, value in self.names.items():
            text = text.replace(value, name)
        return text


def at_once(work: Callable[[str], T], items: Iterable[str]) -> dict[str, T]:
    """Item -> what `work` makes of it, two at a time."""
    items = list(items)
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(items, pool.map(work, items), strict=True))


def texts(
    bench: Bench, commands: Sequence[str], lines: Sequence[str]
) -> tuple[dict[str, list[str]], dict[str, dict[str, Any]]]:
    """Command -> lines of its `--help`; command line -> how it is refused."""
    asked = {f"{command} --help": command for command in commands}
    said = bench.run_all([*asked, *lines])
    helps = {command: _help_lines(command, said[line]) for line, command in asked.items()}
    return helps, {line: _refusal(line, said[line]) for line in lines}


def _help_lines(command: str, said: Said) -> list[str]:
    """The description and one line an option, sorted.

    The usage line, the headings and the order of options are argparse's matter or
    that of grouping, and left out. Python 3.10 to 3.13 give the same lines.
    """
    assert said.code == 0, said.err
    usage, _, rest = said.out.partition("\n\n")
    assert usage.startswith(f"usage: python -m {command} "), usage
    description: list[str] = []
    entries: list[str] = []
    positional = False
    for line in rest.splitlines():
        indent = len(line) - len(line.lstrip())
        if indent == 0 and line:
            if line.endswith(":"):
                positional = line == "positional arguments:"
            elif not entries:
                description.append(line)
        elif indent == 2 and (line.lstrip().startswith("-") or positional):
            entries.append(re.sub(r"\s{2,}", ": ", line.strip()))
        elif indent > 2 and entries:
            glue = " " if ": " in entries[-1] else ": "
            entries[-1] += glue + line.strip()
    entries = [entry for entry in entries if not entry.startswith("-h,")]
    assert entries, said.out
    return [*description, *sorted(entries)]


def _refusal(line: str, said: Said) -> dict[str, Any]:
    # What libraries log on their own is not ours, nor the same on other machines.
    ours = re.compile(r"(error:|skipped:|interrupted|Traceback)")
    lines = [text for text in said.err.splitlines() if ours.match(text)]
    if line.startswith("runtime.doctor"):
        lines += [text for text in said.out.splitlines() if text.startswith("problem")]
    return {"line": line, "code": said.code, "says": [_plain_choices(text) for text in lines]}


def _plain_choices(text: str) -> str:
    """argparse quotes choices until Python 3.11, and no more later."""
    return re.sub(r"\(choose from [^)]*\)", lambda found: found.group().replace("'", ""), text)


def video_run(bench: Bench, name: str, flags: str) -> tuple[dict[str, Any], str]:
    """What `runtime.webcam` gives: (record, CSV as it stands).

    JSON and CSV must say the same; the JSON is then kept as its first rows and what
    the CSV lacks.
    """
    base = bench.folder / name
    said = bench.run(
        f"runtime.webcam --headless {flags} --output_json {base}.jsonl --output_csv {base}.csv "
        f"--output_summary {base}.json"
    )
    assert said.code == 0, said.err
    lines = Path(f"{base}.jsonl").read_text(encoding="utf-8").splitlines()
    table = Path(f"{base}.csv").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in lines]
    assert _flat(rows) == list(csv.DictReader(table.splitlines())), "JSON and CSV differ"
    summary = json.loads(Path(f"{base}.json").read_text(encoding="utf-8"))
    record = {
        "flags": flags,
        "first_rows": [_no_latency(bench.normalised(line)) for line in lines[:2]],
        "keys": sorted({",".join(row) for row in rows}),
        "frames": [row["frame"] for row in rows],
        "time_s": [row["time_s"] for row in rows],
        "sizes": sorted({f"{row['width']}x{row['height']}" for row in rows}),
        "summary": json.loads(bench.normalised(json.dumps(_no_times(summary)))),
        "says": [_no_numbers(line) for line in said.err.splitlines()],
    }
    return record, _no_day(bench.normalised(table))


def picture_run(bench: Bench, name: str, line: str) -> dict[str, Any]:
    """What `runtime.predict` gives: its rows, and what it prints without `--output_json`."""
    file = bench.folder / f"{name}.jsonl"
    said = bench.run(f"runtime.predict {line} --output_json {file}")
    assert said.code == 0, said.err
    rows = bench.normalised(file.read_text(encoding="utf-8")).splitlines()
    return {
        "line": line,
        "rows": [json.loads(_no_latency(row)) for row in rows],
        "prints": said.out.splitlines(),
    }


def doctor_run(bench: Bench) -> dict[str, Any]:
    """The shape of `runtime.doctor --json`, and what it says of the model."""
    said = bench.run("runtime.doctor --engine main --json --trial_s 0")
    assert said.code == 0, said.out + said.err
    found = json.loads(said.out)
    found["engine"].pop("latency_ms")
    return {
        "keys": list(found),
        "checks": [check["name"] for check in found["checks"]],
        "check_keys": list(found["checks"][0]),
        "engine": found["engine"],
    }


def manifests() -> dict[str, Any]:
    """Every shipped manifest: in the files, beside them, and as an open engine has it."""
    import onnxruntime

    from runtime import open_engine

    found: dict[str, Any] = {}
    for file in sorted(MODELS.glob("*.onnx")):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        inside = dict(session.get_modelmeta().custom_metadata_map)
        found[f"{file.name} metadata"] = {key: _parsed(text) for key, text in inside.items()}
    for file in sorted(MODELS.glob("*.json")):
        found[f"{file.name} sidecar"] = json.loads(file.read_text(encoding="utf-8"))
    for file in sorted(MODELS.glob("*.safetensors")):
        with file.open("rb") as data:
            (size,) = struct.unpack("<Q", data.read(8))
            header = json.loads(data.read(size))["__metadata__"]
        found[f"{file.name} header"] = {key: _parsed(text) for key, text in header.items()}
    for name in ("main", "fast", "default"):
        engine = open_engine(name)
        found[f"open_engine({name!r})"] = json.loads(engine.manifest.to_json())
        engine.close()
    return found


def machine() -> dict[str, str]:
    """What the last digits depend on."""
    import cv2
    import onnxruntime

    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {"cpu": model, "onnxruntime": onnxruntime.__version__, "opencv": cv2.__version__}


def _parsed(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else text


def _flat(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows of the CSV that the JSON lines stand for."""
    flat = []
    for row in rows:
        for face in row["faces"]:
            flat.append(
                {
                    **{key: str(row[key]) for key in ("stream", "frame", "time_s")},
                    "track": str(face["track"]),
                    **{
                        key: str(value)
                        for key, value in zip(("x1", "y1", "x2", "y2"), face["box"], strict=True)
                    },
                    "score": str(face["score"]),
                    "emotion": face["emotion"],
                    "confidence": str(face["confidence"]),
                    "uncertain": str(face["uncertain"]).lower(),
                    **{key: str(value) for key, value in face["probabilities"].items()},
                    **{key: str(row.get(key, "")) for key in ("source", "at", "name")},
                    "zone": face.get("zone", ""),
                }
            )
    return flat


def _no_latency(row: str) -> str:
    return _no_day(re.sub(r'"latency_ms":[0-9.]+', '"latency_ms":0', row))


def _no_day(text: str) -> str:
    """The text without times of day."""
    return re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "{at}", text)


def _no_times(value: Any) -> Any:
    """The summary with null in place of every time."""
    if isinstance(value, dict):
        return {k: None if k in _TIMES else _no_times(v) for k, v in value.items()}
    return [_no_times(item) for item in value] if isinstance(value, list) else value


def _no_numbers(line: str) -> str:
    """A line with # for a time or a rate; columns of figures are set anew with them."""
    line = re.sub(r"\d+(\.\d+)? (s|ms|FPS)\b", r"# \2", line)
    return re.sub(r" {2,}", " ", line)
