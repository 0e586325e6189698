"""Fields of interlaced video, made into whole pictures."""

from __future__ import annotations

from typing import Any

import av
from av.filter import Graph


class Deinterlacer:
    """Makes each interlaced frame of a stream one without combs, by FFmpeg's `yadif`.

    Half of such a frame is a fiftieth of a second older than the other: at the edges of what
    moves there are combs, which cost detections of small fast faces. Frames that aren't
    flagged pass as they are. One frame is held back, since the next one tells what moves.
    """

    def __init__(self) -> None:
        """Has seen no frame."""
        self._graph: Any = None
        self._kind: tuple[Any, ...] = ()

    def give(self, frame: Any) -> list[Any]:
        """Takes an `av.VideoFrame`; gives those that are ready.

        Raises:
            av.FFmpegError: FFmpeg can't do it.
        """
        if self._graph is None and not frame.interlaced_frame:
            return [frame]
        kind = (frame.format.name, frame.width, frame.height)
        ready: list[Any] = []
        if self._graph is None or kind != self._kind:
            ready = self.rest()
            self._open(frame)
            self._kind = kind
        self._graph.push(frame)
        return [*ready, *self._pull()]

    def rest(self) -> list[Any]:
        """What was held back, at the end."""
        if self._graph is None:
            return []
        self._graph.push(None)
        ready, self._graph = self._pull(), None
        return ready

    def _open(self, frame: Any) -> None:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base,
        )
        # A frame for a frame, and of the flagged ones alone.
        yadif = graph.add("yadif", "mode=send_frame:deint=interlaced")
        sink = graph.add("buffersink")
        source.link_to(yadif)
        yadif.link_to(sink)
        graph.configure()
        self._graph = graph

    def _pull(self) -> list[Any]:
        ready = []
        while True:
            try:
                ready.append(self._graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return ready
