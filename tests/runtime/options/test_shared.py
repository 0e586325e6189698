"""Options that several commands have are the same in each, and --help tells them apart."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from runtime.detectors.catalogue import DETECTORS
from runtime.doctor import DoctorOptions
from runtime.emotion.certainty import CERTAIN
from runtime.emotion.smoothing import Smoother
from runtime.engines.providers import PROVIDERS
from runtime.options import shared
from runtime.options.webcam import WebcamOptions
from runtime.predict import PredictOptions
from tests.conftest import REPO

COMMANDS = {"webcam": WebcamOptions, "predict": PredictOptions, "doctor": DoctorOptions}

#: Options whose defaults differ on purpose.
REASONED = {"threads", "detect_size"}


def fields(command: str) -> dict[str, dataclasses.Field]:
    return {f.name: f for f in dataclasses.fields(COMMANDS[command]) if f.metadata}


@pytest.mark.parametrize("command", ["predict", "doctor"])
def test_what_two_commands_have_means_the_same(command):
    usual, own = fields("webcam"), fields(command)
    # webcam's are of many servers.
    other = {"anonymize", "output_json", "output_csv", "tls_ca", "tls_insecure"}
    for name in set(usual) & set(own) - other:
        if usual[name].default != own[name].default:
            assert name in REASONED
            assert f"webcam's {usual[name].default}" in own[name].metadata["help"]
            continue
        assert usual[name].metadata == own[name].metadata


def test_uncertain_means_the_same_in_every_command():
    assert fields("predict")["min_confidence"].default == CERTAIN
    smoother = Smoother()
    assert smoother._certain == CERTAIN


def test_the_choices_are_the_lists_that_the_parts_have():
    own = fields("webcam")
    assert own["detector"].metadata["choices"] == DETECTORS
    assert own["provider"].metadata["choices"] == tuple(PROVIDERS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_in_groups_and_loads_nothing_heavy(command):
    code = (
        f"import sys; sys.argv = ['x', '--help']; from runtime import {command}\n"
        f"try: {command}.main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('cv2', 'numpy', 'onnxruntime', 'yaml', 'av') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    lines = done.stdout.splitlines()
    assert lines[-1] == "[]", done.stderr
    assert f"{shared.MODEL}:" in lines
    if command != "doctor":
        assert f"{shared.FACES}:" in lines
        assert f"{shared.LABELS}:" in lines
        assert f"{shared.OUTPUT}:" in lines
    if command == "webcam":
        assert f"{shared.SOURCES}:" in lines
        assert f"{shared.SENDING}:" in lines
        assert "--sources" not in done.stdout
