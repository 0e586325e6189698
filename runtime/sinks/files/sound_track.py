"""A video's sound: copied packet for packet, or AAC where the container can't hold it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from runtime.sinks.files.sound import Sound

#: What is copied into an MP4: what players expect there. Matroska says itself what it holds.
_IN_MP4 = {"aac", "mp3", "alac"}

#: And into a QuickTime file besides.
_IN_MOV = _IN_MP4 | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"}

#: Samples a second that AAC has.
_AAC_RATES: tuple[int, ...] = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050)
_AAC_RATES += (16_000, 12_000, 11_025, 8_000)

#: A frame of silence in AAC-LC, by channels.
_SILENT_AAC = {1: bytes.fromhex("00c800802380"), 2: bytes.fromhex("210049900219002380")}

#: Longest silence that is encoded before a sound that begins late, in seconds.
_MOST_SILENCE_S = 60

#: Bits a second of each channel of AAC.
_BIT_RATE = 80_000


class SoundTrack:
    """The sound of one video while it is written. Begins and ends with the pictures."""

    def __init__(self, container: Any, sound: Sound, start_s: float) -> None:
        """Adds the stream to a container whose header isn't written yet.

        Args:
            container: The video's.
            sound: Where packets come from; it outlives the video.
            start_s: Media time of the video's first frame.

        Raises:
            av.FFmpegError: The sound can't be copied, and not be encoded.
            ValueError: As above.
        """
        self._container, self._sound, self._start_s = container, sound, start_s
        self._last_pts = -1
        self._adts = self._begun = False
        # Encoded already, but heard later: one frame of a source may be several of AAC.
        self._ahead: deque[Any] = deque()
        source = sound.stream
        name = source.codec_context.name
        extra = source.codec_context.extradata
        if _holds(container, name) and (extra or name not in ("aac", "alac", "flac", "vorbis")):
            self._stream = container.add_stream_from_template(source)
            self._copied = True
            return
        header = _adts_config(sound) if name == "aac" and _holds(container, name) else None
        if header is not None:
            self._stream = container.add_stream_from_template(source)
            self._stream.codec_context.extradata = header
            self._copied = self._adts = True
            return
        self._copied = False
        self._stream = _add_aac(container, source.codec_context)

    @property
    def what(self) -> str:
        """What is done to the sound, for the log."""
        name = self._sound.stream.codec_context.name.removesuffix("float")
        return f"{name}, copied" if self._copied else f"{name}, encoded again as AAC"

    def write(self, end_s: float) -> None:
        """Writes what begins before a time.

        Args:
            end_s: Media time in seconds; what belongs to a later video is left.

        Raises:
            av.FFmpegError: It can't be written.
        """
        for time_s, packet in self._sound.until(end_s):
            if self._copied:
                if self._adts and not _is_adts(bytes(packet)):
                    continue  # broken
                self._mux(self._copy(packet, time_s - self._start_s))
                continue
            try:
                frames = packet.decode()
            except (av.FFmpegError, MemoryError):
                continue  # broken; the next may be good
            for frame in frames:
                # Decoders leave out what an encoder put before the first sample.
                if frame.pts is not None and packet.pts is not None and frame.time_base:
                    stamp_s = float(packet.pts * packet.time_base)
                    at_s = time_s + float(frame.pts * frame.time_base) - stamp_s
                else:
                    at_s = time_s
                self._encode(frame, at_s - self._start_s)
        self._mux_until(end_s)

    def close(self, end_s: float) -> None:
        """Writes the rest that begins before the video's end.

        Raises:
            av.FFmpegError: It can't be written.
        """
        self.write(end_s)
        if not self._copied:
            self._ahead.extend(self._stream.encode(None))
            self._mux_until(end_s)

    def _copy(self, packet: Any, time_s: float) -> Any:
        data = bytes(packet)
        if self._adts:  # its header says what the container's says
            data = data[7 if data[1] & 1 else 9 :]
        fresh = av.Packet(data)
        fresh.time_base = packet.time_base
        fresh.pts = fresh.dts = round(time_s / packet.time_base)
        fresh.duration = packet.duration
        fresh.is_keyframe = True
        fresh.stream = self._stream
        return fresh

    def _encode(self, frame: Any, time_s: float) -> None:
        if time_s + frame.samples / frame.sample_rate <= 0:
            return
        pts = round(time_s * frame.sample_rate)
        if pts < 0:  # else the encoder's packets would not begin with the video
            frame, pts = _without(frame, -pts), 0
        frame.time_base, frame.pts = Fraction(1, frame.sample_rate), pts
        for one in (*self._silence(frame), frame):
            self._ahead.extend(self._stream.encode(one))

    def _silence(self, frame: Any) -> Iterator[Any]:
        """What is to be heard before the first frame, which has begun later than the video."""
        begun, self._begun = self._begun, True
        end = 0 if begun else min(frame.pts, _MOST_SILENCE_S * frame.sample_rate)
        for pts in range(0, end, frame.sample_rate):
            samples = min(frame.sample_rate, end - pts)
            silent = av.AudioFrame(frame.format.name, frame.layout.name, samples)
            for plane in silent.planes:
                plane.update(bytes(plane.buffer_size))
            silent.sample_rate, silent.time_base, silent.pts = (
                *(frame.sample_rate, frame.time_base),
                pts,
            )
            yield silent

    def _mux_until(self, end_s: float) -> None:
        """Writes what was encoded and begins before a time; the rest waits."""
        end_s -= self._start_s
        while self._ahead and float((self._ahead[0].pts or 0) * self._ahead[0].time_base) < end_s:
            self._mux(self._ahead.popleft())

    def _mux(self, packet: Any) -> None:
        # A stamp before the video's start, as an encoder's first packet has, would move
        # the pictures; and stamps must go on.
        pts = packet.pts
        if pts is None or pts < 0 or pts <= self._last_pts:
            return
        if self._copied and self._last_pts < 0 and pts > (packet.duration or 0):
            self._mux_silence(packet.time_base)
        self._last_pts = pts
        self._container.mux(packet)

    def _mux_silence(self, time_base: Any) -> None:
        """Begins AAC that is late with a silent packet.

        An MP4 that is playable while it is written has every stream begin at 0: its first
        packet is heard there, whatever its stamp.
        """
        context = self._sound.stream.codec_context
        data = _SILENT_AAC.get(context.layout.nb_channels)
        if context.name != "aac" or context.profile != "LC" or data is None:
            return
        silent = av.Packet(data)
        silent.time_base, silent.pts, silent.dts, silent.is_keyframe = time_base, 0, 0, True
        silent.stream = self._stream
        self._container.mux(silent)


def _without(frame: Any, samples: int) -> Any:
    """The frame without its first samples."""
    array = frame.to_ndarray()
    first = samples if frame.format.is_planar else samples * frame.layout.nb_channels
    rest = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(array[:, first:]), frame.format.name, frame.layout.name
    )
    rest.sample_rate = frame.sample_rate
    return rest


def _holds(container: Any, name: str) -> bool:
    if name == "mp3float":  # FFmpeg's name of its decoder
        name = "mp3"
    if container.format.name == "matroska":
        return name in container.supported_codecs
    return name in (_IN_MOV if container.format.name == "mov" else _IN_MP4)


def _is_adts(data: bytes) -> bool:
    """Whether a packet is one frame of AAC under a header of its own."""
    return len(data) > 9 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0 and not data[6] & 3


def _adts_config(sound: Sound) -> bytes | None:
    """What a container must know of AAC whose packets say it themselves; None if they don't."""
    packet = sound.first()
    data = b"" if packet is None else bytes(packet)
    if not _is_adts(data):
        return None
    profile, rate = (data[2] >> 6) + 1, data[2] >> 2 & 15
    channels = (data[2] & 1) << 2 | data[3] >> 6
    if rate > 12 or not channels:
        return None
    return (profile << 11 | rate << 7 | channels << 3).to_bytes(2, "big")


def _add_aac(container: Any, source: Any) -> Any:
    """Adds a stream that is encoded as AAC, in the nearest form that AAC has."""
    rate = min(_AAC_RATES, key=lambda rate: abs(rate - source.sample_rate))
    channels = source.layout.nb_channels
    layout = {1: "mono", 6: "5.1"}.get(channels, "stereo")
    stream = container.add_stream("aac", rate=rate)
    stream.codec_context.layout = layout
    stream.codec_context.bit_rate = _BIT_RATE * {"mono": 1, "5.1": 5}.get(layout, 2)
    stream.codec_context.open()
    return stream
