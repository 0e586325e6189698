"""Which sound goes into a video, and why none does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from runtime.errors import SourceError

if TYPE_CHECKING:
    from runtime.sinks.files.sound import Sound
    from runtime.sources.base import Source

log = logging.getLogger("runtime")


def open_sound(source: Source, wanted: bool | None, hidden: bool) -> Sound | None:
    """The sound of a source, for the video of it.

    Args:
        source: The only source of the run.
        wanted: Whether it was asked for; None where nothing was said.
        hidden: Whether the video shall not tell who is in it: a voice would.

    Returns:
        None where there is none, or none is to be; that a video lacks what its source
        may have is said in the log.
    """
    if wanted is False:
        return None
    file = getattr(source, "sound", None)
    if file is None:
        if source.live or hasattr(source, "sound"):
            log.info("%s: its sound isn't recorded, which is done for files alone", source.name)
        elif wanted:
            log.info("%s: has no sound", source.name)
        return None
    from runtime.sinks.files.sound import Sound

    try:
        sound = Sound(file)
    except SourceError as error:
        if wanted:
            log.info("%s: %s", source.name, error)
        return None
    if hidden and not wanted:
        sound.close()
        log.info("the video has no sound: a voice tells who it is; --sound keeps it")
        return None
    return sound
