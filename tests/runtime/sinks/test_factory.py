"""Sinks open from a small config, each only where it is asked for."""

from __future__ import annotations

import stat
import subprocess
import sys

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from runtime.messages import FrameResult
from runtime.sinks.factory import SinkConfig, open_files, open_remote
from runtime.sinks.group import SinkGroup
from runtime.sources.demo import DemoSource
from tests.conftest import REPO


def test_nothing_asked_for_opens_nothing():
    sinks = SinkGroup()
    open_remote(SinkConfig(), sinks)
    open_files(SinkConfig(), EMOTIONS, [DemoSource()], sinks)
    sinks.close()
    assert sinks.counts() == {}


def test_files_get_their_permissions_and_labels(tmp_path):
    sinks = SinkGroup()
    config = SinkConfig(json=str(tmp_path / "o.jsonl"), csv=str(tmp_path / "o.csv"), mode=0o640)
    open_files(config, ("calm", "cross"), [DemoSource(), DemoSource()], sinks)
    sinks.write(
        FrameResult(
            stream=0,
            frame=0,
            time_s=0.0,
            image=np.zeros((8, 8, 3), np.uint8),
            faces=(),
            latency_ms=1.0,
        )
    )
    sinks.close()
    assert stat.S_IMODE((tmp_path / "o.jsonl").stat().st_mode) == 0o640
    assert (
        (tmp_path / "o.csv").read_text().splitlines()[0].endswith(",calm,cross,source,at,name,zone")
    )


def test_a_video_has_one_source(tmp_path):
    config = SinkConfig(video=str(tmp_path / "o.mp4"))
    with pytest.raises(UserError, match="takes a single --source"):
        open_files(config, EMOTIONS, [DemoSource(), DemoSource()], SinkGroup())


def test_a_wrong_url_is_one_line():
    with pytest.raises(UserError, match="--webhook"):
        open_remote(SinkConfig(webhook="ftp://host"), SinkGroup())


def test_no_command_and_no_pipeline_is_imported():
    code = (
        "import runtime.sinks.factory, sys; "
        "print([m for m in sys.modules if m.startswith(('runtime.webcam', 'runtime.pipeline'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr
