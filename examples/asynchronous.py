"""Results in an asyncio program, whose event loop goes on while frames are read.

    python examples/asynchronous.py [SOURCE ...] [--max_frames N]

Several sources run side by side, each in a pipeline of its own. Leaving a loop, or
cancelling its task, closes its pipeline.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from emotion_edge import Pipeline, UserError


async def watch(source: str, max_frames: int | None) -> int:
    """Prints each change of a face's label.

    Returns:
        Frames that were read.
    """
    labels: dict[int, str] = {}
    frames = 0
    async with Pipeline(source, max_frames=max_frames) as pipeline:
        async for result in pipeline:
            frames += 1
            for face in result.faces:
                if labels.get(face.track) != face.emotion:
                    labels[face.track] = face.emotion
                    print(f"{source} {result.time_s:.2f} s: face {face.track} {face.emotion}")
    return frames


async def count(turns: list[int]) -> None:
    """Stands for all else that a program does meanwhile."""
    while True:
        await asyncio.sleep(0.01)
        turns[0] += 1


async def run(sources: list[str], max_frames: int | None) -> None:
    """Watches the sources and counts the event loop's turns."""
    turns = [0]
    counter = asyncio.create_task(count(turns))
    frames = await asyncio.gather(*(watch(source, max_frames) for source in sources))
    counter.cancel()
    print(f"{sum(frames)} frames, {turns[0]} turns of the event loop")


def main() -> int:
    """Watches sources side by side."""
    parser = argparse.ArgumentParser(description="Labels of faces in an asyncio program.")
    parser.add_argument("source", nargs="*", default=["demo"])
    parser.add_argument("--max_frames", type=int)
    args = parser.parse_args()
    asyncio.run(run(args.source, args.max_frames))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
