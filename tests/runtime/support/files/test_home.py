"""`~` is the home folder wherever somebody wrote a path, and nowhere else."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.engines.catalogue import model_path
from runtime.options.webcam import WebcamOptions, source_configs
from runtime.predict import PredictOptions
from runtime.sources.factory import open_source
from runtime.support.cli import option, parse_options
from runtime.support.files.home import at_home, home_path


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    return str(tmp_path)


def test_the_home_folder_and_that_of_a_user(home):
    user = pwd.getpwuid(0)
    assert at_home("~") == home
    assert at_home("~/a/~/b") == f"{home}/a/~/b"
    assert at_home(f"~{user.pw_name}/x") == f"{user.pw_dir}/x"
    assert home_path("~/x") == Path(home, "x")


@pytest.mark.parametrize(
    "text",
    ["-", "", "./~", "a~", "/tmp/~", "file://~/x", "http://h/~user/x.jpg", "~nobody-such/x", "~\0"],
)
def test_what_stays_as_it_is(text):
    assert at_home(text) == text
    assert home_path(Path("~")) == Path("~")


def test_flags_and_yaml_of_every_command(tmp_path, home):
    @dataclass
    class Options:
        """Do a thing."""

        paths: list[str] = option("paths", positional=True)
        data_dir: str = option("a folder", "")
        files: list[str] | None = option("files", None)

    (tmp_path / "c.yaml").write_text('data_dir: ~/data\nfiles: ["~", ./~]\n')
    got = parse_options(Options, "prog", ["~/a", "./~", "~", "--config", "~/c.yaml"])
    assert got == Options([f"{home}/a", "./~", home], f"{home}/data", [home, "./~"])


def test_webcam_and_predict(tmp_path, home):
    argv = ["--source", "~/a.mp4", "--output_json", "~/o.jsonl", "--engine", "~/m.onnx"]
    options = parse_options(WebcamOptions, "prog", [*argv, "--output_csv=-"])
    (source,) = source_configs(options)
    assert (source.source, options.output_csv) == (f"{home}/a.mp4", "-")
    assert (options.output_json, options.engine) == (f"{home}/o.jsonl", f"{home}/m.onnx")
    (tmp_path / "c.yaml").write_text(
        "sources:\n  - source: ~/a.mp4\n    name: ~door\n    tls_ca: ~/ca.pem\n"
    )
    options = parse_options(WebcamOptions, "prog", ["--config", "~/c.yaml"])
    (source,) = source_configs(options)
    assert (source.source, source.name) == (f"{home}/a.mp4", "~door")
    assert source.tls_ca == f"{home}/ca.pem"
    options = parse_options(PredictOptions, "prog", ["~/a", "--visualize", "~/out"])
    assert (options.paths, options.visualize) == ([f"{home}/a"], f"{home}/out")


def test_in_python_texts_mean_it_and_paths_are_names(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8), np.uint8))
    assert open_source("~/a.png").read() is not None
    assert model_path("~/m.onnx") == tmp_path / "m.onnx"
    there = tmp_path / "there"
    (there / "~").mkdir(parents=True)
    monkeypatch.chdir(there)
    os.rename(tmp_path / "a.png", there / "~" / "a.png")
    assert open_source(Path("~/a.png")).read() is not None
    assert open_source("./~").read() is not None
