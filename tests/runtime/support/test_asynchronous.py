from __future__ import annotations

import asyncio
import threading

import pytest

from runtime import Pipeline
from runtime.errors import StageError
from tests.support.fakes import Brain, Finder, Pictures


def _pipeline(source: Pictures | None = None, **keywords) -> Pipeline:
    return Pipeline([source or Pictures(40)], Brain(), Finder(), **keywords)


def _alive() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"capture", "detect", "classify"}


def test_async_for_gives_what_for_gives():
    async def read() -> list[int]:
        async with _pipeline() as pipeline:
            return [result.frame async for result in pipeline]

    assert asyncio.run(read()) == list(range(40))
    assert not _alive()


def test_the_event_loop_goes_on_while_a_source_is_silent():
    class Silent(Pictures):
        def read(self):
            ended.wait(30)

        def interrupt(self):
            ended.set()

    ended = threading.Event()

    async def use(pipeline: Pipeline) -> None:
        async for _ in pipeline:
            pass

    async def main() -> int:
        task = asyncio.create_task(use(_pipeline(Silent(1))))
        turns = 0
        while turns < 20:
            await asyncio.sleep(0.01)
            turns += 1
        assert not ended.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return turns

    assert asyncio.run(main()) == 20
    assert ended.is_set()
    assert not _alive()


def test_leaving_the_loop_closes_the_pipeline():
    async def main() -> None:
        pipeline = _pipeline()
        async for _ in pipeline:
            break
        while _alive():
            await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="runs once"):
            await anext(aiter(pipeline))

    asyncio.run(asyncio.wait_for(main(), 30))


def test_two_loops_at_once_are_refused():
    async def count(pipeline: Pipeline) -> int:
        return len([result async for result in pipeline])

    async def main() -> list[int | BaseException]:
        pipeline = _pipeline()
        return await asyncio.gather(count(pipeline), count(pipeline), return_exceptions=True)

    outcomes = asyncio.run(main())
    assert sum(isinstance(outcome, RuntimeError) for outcome in outcomes) == 1


def test_an_error_of_a_stage_arrives():
    class Broken(Finder):
        def detect(self, picture, regions=None, scale=1.0):
            raise ValueError("no eyes")

    async def main() -> None:
        async for _ in Pipeline([Pictures(3)], Brain(), Broken()):
            pass

    with pytest.raises(StageError, match="no eyes"):
        asyncio.run(main())
