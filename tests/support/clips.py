"""Clips with sound, and what is seen and heard in a video when."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

#: Samples and frames a second.
SAMPLES, FRAMES = 44_100, 25


def flash_and_beep(
    path: Path,
    seconds: float = 3.0,
    video: str = "mpeg4",
    audio: str | None = "aac",
    sound_from: float = 0.0,
    sound_to: float | None = None,
    samples: int = SAMPLES,
) -> Path:
    """A clip that flashes and beeps at 1, 2, ... seconds for a tenth of a second.

    Args:
        path: What to write; its suffix says which container.
        seconds: Length of the pictures.
        video: Their codec.
        audio: The sound's; None for none.
        sound_from: Where it begins; and `sound_to`, where it ends, the pictures' end if None.
        samples: Of sound, a second.
    """
    sound_to = seconds if sound_to is None else sound_to
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(video, rate=FRAMES)
        pictures.width, pictures.height, pictures.pix_fmt = 160, 120, "yuv420p"
        sound = None
        if audio is not None:
            sound = container.add_stream(audio, rate=samples)
            sound.codec_context.layout = "mono"
        heard = round(sound_from * samples)
        for number in range(round(seconds * FRAMES)):
            time_s = number / FRAMES
            lit = time_s >= 0.9 and time_s % 1 < 0.099
            image = np.full((120, 160, 3), 255 if lit else 0, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FRAMES)
            container.mux(pictures.encode(frame))
            end = round(min(sound_to, (number + 1) / FRAMES) * samples)
            if sound is not None and end > heard:
                times = np.arange(heard, end) / samples
                loud = (times >= 0.9) & (times % 1 < 0.1)
                wave = (np.sin(times * 2 * np.pi * 1000) * loud * 20_000).astype(np.int16)
                part = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
                part.sample_rate, part.pts = samples, heard
                part.time_base = Fraction(1, samples)
                container.mux(sound.encode(part))
                heard = end
        container.mux(pictures.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))
    return path


def flashes(path: Path) -> list[float]:
    """When it gets bright, in seconds."""
    with av.open(str(path)) as container:
        seen = [
            (float(frame.time), frame.to_ndarray(format="gray").mean() > 128)
            for frame in container.decode(video=0)
        ]
    return [time for (time, lit), (_, before) in zip(seen[1:], seen, strict=False) if lit > before]


def beeps(path: Path) -> list[float]:
    """When it gets loud after a silence, in seconds."""
    found: list[float] = []
    loud_at = -1.0
    with av.open(str(path)) as container:
        mono = av.AudioResampler(format="flt", layout="mono")
        for heard in container.decode(audio=0):
            start = float(heard.time)
            for frame in mono.resample(heard):
                for sample in np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1):
                    time = start + sample / frame.sample_rate
                    if time - loud_at > 0.3:
                        found.append(time)
                    loud_at = time
    return found


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    """Time and bytes of each packet of sound, those that are only for the decoder left out."""
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(audio=0)
            if packet.size and not packet.is_discard
        ]


def length_s(path: Path, kind: str = "video") -> float:
    """From a video's start to the end of its last packet of a kind, in seconds."""
    with av.open(str(path)) as container:
        return max(
            float((packet.pts + packet.duration) * packet.time_base)
            for packet in container.demux(**{kind: 0})
            if packet.size
        )
