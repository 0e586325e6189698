"""`sources:` in YAML: one schema of settings, strict, with flags above it."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.options.sources import KINDS, fill_sources, read_sources
from runtime.options.webcam import WebcamOptions, source_configs
from runtime.sources.config import SourceConfig
from runtime.support.cli import parse_options


def options(tmp_path, text: str, *argv: str) -> WebcamOptions:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    return parse_options(WebcamOptions, "x", ["--config", str(file), *argv])


def test_the_schema_is_that_of_the_configuration():
    assert list(KINDS) == [field.name for field in dataclasses.fields(SourceConfig)]


def test_each_source_has_settings_of_its_own(tmp_path):
    got = options(
        tmp_path,
        """
sources:
  - source: rtsps://10.0.0.7/live
    name: door
    reconnect_s: 30
    tls_ca: house.pem
  - 0
  - source: clip.mp4
    name:
    tls_insecure: true
reconnect_s: 5
tls_ca: all.pem
""",
    )
    assert source_configs(got) == (
        SourceConfig("rtsps://10.0.0.7/live", "door", 30.0, "house.pem", False),
        SourceConfig("0", None, 5.0, "all.pem", False),
        SourceConfig("clip.mp4", None, 5.0, "all.pem", True),
    )


def test_flags_stand_above_the_settings_of_sources(tmp_path):
    text = "sources: [{source: a, reconnect_s: 30, tls_insecure: true, name: door}, b]"
    got = source_configs(options(tmp_path, text, "--reconnect_s", "2", "--tls_insecure", "1"))
    assert got == (
        SourceConfig("a", "door", 2.0, None, False),
        SourceConfig("b", None, 2.0, None, True),
    )
    assert source_configs(options(tmp_path, text, "--source", "demo")) == (SourceConfig("demo"),)
    assert source_configs(options(tmp_path, text, "--camera_id", "3")) == (SourceConfig("3"),)


def test_flags_fill_the_settings_of_a_single_source():
    argv = ["--source", "rtsps://h/a", "--reconnect_s", "0", "--tls_ca", "a", "--tls_insecure"]
    got = source_configs(parse_options(WebcamOptions, "x", argv))
    assert got == (SourceConfig("rtsps://h/a", None, 0.0, "a", True),)
    assert source_configs(WebcamOptions(camera_id=2)) == (SourceConfig("2"),)
    assert source_configs(WebcamOptions()) == (SourceConfig("0", None, math.inf, None, False),)


def test_cameras_and_streams_have_settings_of_their_own(tmp_path):
    text = """
sources:
  - {source: 0, camera_size: 1280x720, camera_fps: 30, camera_format: MJPG, rotate: 90}
  - {source: http://h/snap.jpg, poll_fps: 0.5, flip: vertical}
  - {source: rtsp://h/a, rtsp_transport: udp}
rotate: 180
"""
    camera, pictures, stream = source_configs(options(tmp_path, text))
    assert (camera.size, camera.camera_fps, camera.camera_format) == ((1280, 720), 30.0, "MJPG")
    assert (camera.rotate, pictures.rotate, stream.rotate) == (90, 180, 180)
    assert (pictures.poll_fps, pictures.flip) == (0.5, "vertical")
    assert (stream.rtsp_transport, camera.rtsp_transport) == ("udp", "auto")
    flags = ["--rotate", "270", "--camera_size", "640x480", "--flip", "horizontal"]
    assert {
        (s.rotate, s.size, s.flip) for s in source_configs(options(tmp_path, text, *flags))
    } == {(270, (640, 480), "horizontal")}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--camera_size", "big"], "--camera_size must be WIDTHxHEIGHT"),
        (["--camera_format", "jpg"], "--camera_format must be four characters"),
        (["--rotate", "45"], "--rotate: invalid choice"),
        (["--poll_fps", "0"], "--poll_fps must be 0.01 to 60"),
    ],
)
def test_a_flag_that_is_wrong_is_named(flags, message):
    with pytest.raises(UserError, match=message):
        source_configs(parse_options(WebcamOptions, "x", flags))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: demo", "sources must be a list with an item for each source"),
        ("sources: []", "sources must be a list with an item for each source"),
        (
            "sources: [demo, {source: a, nam: b}]",
            "sources[1]: unknown setting 'nam'; there are " + ", ".join(KINDS),
        ),
        ("sources: [{1: a}]", "sources[0]: unknown setting of type int"),
        ("sources: [{name: a}]", "sources[0]: source is required"),
        ("sources: [{source: [a]}]", "sources[0]: source must be of type str, not list"),
        ("sources: [true]", "sources[0]: source must be of type str, not bool"),
        ("sources: [null]", "sources[0]: source is required"),
        ("sources: [{source: a, reconnect_s: long}]", "reconnect_s must be of type float"),
        (
            "sources: [{source: a, rotate: 45}]",
            "sources[0]: rotate must be 0, 90, 180, 270",
        ),
        ("sources: [{source: a, rotate: true}]", "rotate must be of type int, not bool"),
        ("sources: [{source: a, flip: up}]", "flip must be horizontal, vertical, not up"),
        ("sources: [{source: a, camera_size: big}]", "camera_size must be WIDTHxHEIGHT such as"),
        ("sources: [{source: a, camera_size: 0x9}]", "camera_size must be WIDTHxHEIGHT such as"),
        ("sources: [{source: a, camera_fps: 0}]", "camera_fps must be 1 to 1000, not 0"),
        ("sources: [{source: a, camera_format: JPEGS}]", "camera_format must be four characters"),
        ("sources: [{source: a, poll_fps: 0}]", "poll_fps must be 0.01 to 60, not 0"),
        ("sources: [{source: a, rtsp_transport: x}]", "rtsp_transport must be auto, tcp, udp"),
        (
            "sources: [{source: 'rtsps://h/a', rtsp_transport: udp}]",
            "rtsp_transport must be tcp or auto for rtsps",
        ),
        ("sources: [{source: a, reconnect_s: -1}]", "sources[0]: reconnect_s must be 0 or more"),
        ("sources: [{source: a, tls_insecure: 1}]", "tls_insecure must be of type bool, not int"),
        ("sources: [{source: a, name: ' '}]", "sources[0]: name must be printable text"),
        ('sources: [{source: a, name: "a\\e[2J"}]', "sources[0]: name must be printable text"),
        ('sources: ["a\\0b"]', "--sources holds a NUL character"),
        ("sources: [a]\nsource: b", "source and sources do the same; choose one"),
        (
            "sources: [{source: a, name: b}, {source: c, name: b}]",
            "two sources have the name 'b'",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path, text, message):
    from runtime.options.webcam import pipeline_config

    with pytest.raises(UserError) as refused:
        pipeline_config(options(tmp_path, text))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(list(KINDS)) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(_ANY)
def test_anything_is_settings_or_one_line(value):
    try:
        stated = read_sources(value, "sources")
    except UserError as error:
        message = str(error)
    else:
        message = ""
        _check_filled(stated)
    assert "\n" not in message


def _check_filled(stated):
    filled = fill_sources(stated, [SourceConfig("", None, 5.0)] * len(stated), ())
    for source, own in zip(filled, stated, strict=True):
        assert source.source == own["source"]
        assert source.reconnect_s == own.get("reconnect_s", 5.0)
        assert source.name == own.get("name")
