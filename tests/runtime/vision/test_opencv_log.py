"""OpenCV's log is the host program's, but during our own calls."""

import subprocess
import sys
import threading

import cv2
import pytest

from runtime.vision import opencv_log
from runtime.vision.opencv_log import quiet_opencv
from tests.conftest import REPO

CODE = """
import cv2
log = cv2 if hasattr(cv2, "getLogLevel") else cv2.utils.logging
before = log.getLogLevel()
import runtime.pipeline.pipeline, runtime.sources.decoders.opencv
from runtime.sources.factory import open_source
try:
    open_source("97")
except Exception:
    pass
print(before, log.getLogLevel())
"""


@pytest.fixture
def level():
    """Reads the level; what it was is set again at the end."""
    module = opencv_log._module
    before = module.getLogLevel()
    module.setLogLevel(3)
    yield module.getLogLevel
    module.setLogLevel(before)


def test_importing_the_runtime_leaves_the_log_alone():
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    before, after = done.stdout.split()
    assert int(before) == int(after) > 0
    assert done.stderr == "", "a camera that isn't there is our own one line"


def test_it_is_quiet_inside_and_as_before_outside(level):
    with pytest.raises(cv2.error), quiet_opencv():
        assert level() == 0
        cv2.cvtColor(cv2.UMat(), cv2.COLOR_BGR2GRAY)
    assert level() == 3


def test_threads_that_overlap_leave_it_as_it_was(level):
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with quiet_opencv():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    with quiet_opencv():
        leave.set()
        thread.join()
        assert level() == 0
    assert level() == 3
