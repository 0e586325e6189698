import os
import sys
from pathlib import Path

import pytest

from runtime.diagnostics import environment
from runtime.diagnostics.environment import check_machine, check_packages, driver_version
from runtime.sources.decoders.v4l2 import VideoNode
from tests.support.fake_gpu import Error

ALL = {
    "numpy": "2.4.6",
    "opencv-python-headless": "5.0",
    "onnxruntime": "1.28.0",
}


@pytest.mark.parametrize(
    ("more", "name", "status", "word"),
    [
        ({"onnxruntime-gpu": "1.28"}, "onnxruntime", "problem", "pip uninstall onnxruntime"),
        ({"onnxruntime-openvino": "1.24"}, "onnxruntime", "problem", "overwrite each other"),
        ({"opencv-python": "5.0"}, "cv2", "warning", "overwrite each other"),
        ({}, "cv2", "ok", "opencv-python-headless 5.0"),
        ({"tensorrt": "10.3"}, "plans", "ok", "tensorrt 10.3"),
    ],
)
def test_packages_that_clash(more, name, status, word):
    (check,) = [c for c in check_packages({**ALL, **more}) if c.name == name]
    assert check.status == status
    assert word in check.detail


def test_a_jetsons_own_opencv_is_no_fault():
    (check,) = [c for c in check_packages({"numpy": "2"}) if c.name == "cv2"]
    assert (check.status, check.detail) == ("ok", "not from pip")


def test_a_missing_package_is_a_problem(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert [c.status for c in check_packages({}) if c.name == "numpy"] == ["problem"]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC",
            "550.54.15",
        ),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build",
            "540.4.0",
        ),
        ("", None),
    ],
)
def test_driver_version(text, version):
    assert driver_version(text) == version


def test_a_gpu_that_cannot_be_used_is_a_warning(gpu, monkeypatch):
    monkeypatch.setattr(environment, "_read", lambda path: "NVRM version: X  550.54.15  Tue")
    gpu.cudart.fail["cudaGetDeviceCount"] = Error.cudaErrorInsufficientDriver
    (check,) = [c for c in check_machine() if c.name == "gpu"]
    assert check.status == "warning"
    assert "driver 550.54.15, but no NVIDIA GPU" in check.detail


def test_a_camera_that_is_closed_to_the_user(tmp_path, monkeypatch):
    devices = [tmp_path / "video0", tmp_path / "video1"]
    for device in devices:
        device.touch()
    assert environment._cameras(devices).status == "ok"
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "video1")
    check = environment._cameras(devices)
    assert check.status == "warning"
    assert "video1" in check.detail
    assert "video0" not in check.detail


def test_only_what_gives_pictures_is_a_camera(tmp_path, monkeypatch):
    nodes = [
        VideoNode(tmp_path / "video0", "UVC Camera", True),
        VideoNode(tmp_path / "video1", "UVC Camera", False),
    ]
    for node in nodes:
        node.path.touch()
    monkeypatch.setattr(environment, "video_nodes", lambda: nodes)
    check = environment._cameras([node.path for node in nodes])
    assert check.detail == f"{tmp_path}/video0 UVC Camera"


def test_no_ffmpeg_is_a_warning(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    assert environment._ffmpeg().status == "warning"
