"""A pipeline's parts, which are quick and can be made to fail."""

import time

import numpy as np

from runtime.errors import EngineError, SourceError
from runtime.messages import Face, Frame
from runtime.vision.picture import Picture
from tests.conftest import TINY


class Pictures:
    """A source of plain frames, as fast as they are read or paced like a camera."""

    def __init__(self, count, live=False, fps=25.0, pace=0.0, fail_at=None):
        self.name, self.live, self.fps = "pictures", live, fps
        self.count, self.pace, self.fail_at = count, pace, fail_at
        self.index = 0
        self.closed = False

    def read(self):
        if self.index == self.fail_at:
            raise SourceError("unplugged")
        if self.index >= self.count:
            return None
        time.sleep(self.pace)
        image = np.full((48, 240, 3), self.index % 250, np.uint8)
        self.index += 1
        return Frame(Picture(image), (self.index - 1) / self.fps)

    def interrupt(self):
        pass

    def close(self):
        self.closed = True


class Finder:
    """A detector that finds `faces` faces, slowly if asked, or fails at a frame."""

    def __init__(self, faces=1, delay=0.0, fail_at=None):
        self.faces, self.delay, self.fail_at, self.calls = faces, delay, fail_at, 0

    def detect(self, picture, regions=None, scale=1.0):
        if self.calls == self.fail_at:
            raise ValueError("detector broke")
        self.calls += 1
        time.sleep(self.delay)
        return [Face((8.0 + 30 * i, 8, 28 + 30 * i, 40), 0.9) for i in range(self.faces)]

    def close(self):
        pass


class Brain:
    """An engine that counts its batches, or fails at one."""

    manifest = TINY

    def __init__(self, fail_at=None):
        self.sizes, self.fail_at = [], fail_at

    def infer(self, batch, outputs=("logits",)):
        for name in outputs:
            if name != "logits":
                raise EngineError(f"no output {name!r}")
        if len(self.sizes) == self.fail_at:
            raise EngineError("engine broke")
        self.sizes.append(len(batch))
        logits = np.zeros((len(batch), 8), np.float32)
        logits[:, 1] = 3
        return {"logits": logits}

    def close(self):
        pass
