"""Options of `python -m runtime.webcam`, and the pipeline that they ask for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from runtime.detectors.catalogue import FACE_SCORE
from runtime.errors import UserError
from runtime.options import shared
from runtime.options.sources import KINDS, fill_sources, read_sources
from runtime.pipeline.config import (
    DetectorConfig,
    EngineConfig,
    LabelsConfig,
    LatencyConfig,
    PipelineConfig,
)
from runtime.sources.config import DECODERS, FLIPS, ROTATIONS, TRANSPORTS, SourceConfig
from runtime.support.cli import option
from runtime.support.net.tls import choose_trust

#: Settings of sources that no single flag fills for all.
_EACH = ("source", "name", "tls_ca", "tls_insecure", "zones")


@dataclass
class WebcamOptions:
    """Recognise the emotions of faces in a camera, video, stream or folder; q quits."""

    source: list[str] | None = option(
        "camera number, video file, picture, folder, URL, demo, csi://0 (Jetson), or a "
        "GStreamer pipeline 'gst:... ! appsink'; several may be named, and one that fails "
        "leaves the others going",
        None,
        metavar="SOURCE",
        group=shared.SOURCES,
    )
    camera_id: int = option(
        "camera to use where no --source is given",
        0,
        between=(0, math.inf),
        group=shared.SOURCES,
    )
    sources: tuple[dict[str, Any], ...] | None = option(
        "in YAML, sources with settings of their own", None, read=read_sources
    )
    reconnect_s: float = option(
        "how long a camera or stream that is lost is tried again, in seconds; "
        "0: not at all, inf: for ever",
        math.inf,
        between=(0, math.inf),
        group=shared.SOURCES,
    )
    tls_ca: list[str] | None = option(
        "PEM file of the authorities that https, rtsps and rtmps sources must be certified by, "
        "in place of the system's; one for all sources, or one each",
        None,
        metavar="FILE",
        group=shared.SOURCES,
    )
    tls_insecure: list[int] | None = option(
        "trust any certificate of the sources with these numbers, from 0; of every source "
        "where no number is given",
        None,
        metavar="N",
        bare=True,
        group=shared.SOURCES,
    )
    recursive: bool = shared.recursive_option()
    rtsp_transport: str = option(
        "how RTSP servers send: tcp, udp, or auto, which tries TCP first",
        "auto",
        choices=TRANSPORTS,
        group=shared.SOURCES,
    )
    poll_fps: float = option(
        "how often a camera that gives single pictures (http://.../snap.jpg) is asked, a second",
        1.0,
        between=(0.01, 60),
        group=shared.SOURCES,
    )
    camera_size: str | None = option(
        "size to ask cameras for, such as 1280x720", None, metavar="WxH", group=shared.SOURCES
    )
    camera_fps: float | None = option(
        "frames a second to ask cameras for", None, between=(1, 1000), group=shared.SOURCES
    )
    camera_format: str | None = option(
        "pixel format to ask cameras for, such as MJPG or YUYV",
        None,
        metavar="FOURCC",
        group=shared.SOURCES,
    )
    rotate: int = option(
        "turn pictures clockwise by so many degrees", 0, choices=ROTATIONS, group=shared.SOURCES
    )
    flip: str | None = option(
        "mirror pictures, after the turning", None, choices=FLIPS, group=shared.SOURCES
    )
    zone: str | None = shared.zone_option()
    decode: str = option(
        "what decodes video: cpu, hardware by FFmpeg's name for it, or auto for hardware where "
        "it works",
        "cpu",
        choices=DECODERS,
        group=shared.SOURCES,
    )
    max_frames: int | None = option(
        "end after so many frames", None, between=(0, math.inf), group=shared.SOURCES
    )
    engine: str = shared.engine_option()
    provider: str = shared.provider_option()
    threads: int = shared.threads_option()
    rebuild: bool = shared.rebuild_option()
    embeddings: bool = shared.embeddings_option()
    detector: str = shared.detector_option()
    detector_model: str | None = shared.detector_model_option()
    detect_size: int = shared.detect_size_option()
    detect_interval: float = option(
        "detection interval: milliseconds between two detections; 0 detects in every frame",
        50.0,
        between=(0, 5000),
        group=shared.FACES,
    )
    min_face: float = shared.min_face_option()
    raw_boxes: bool = shared.raw_boxes_option()
    temporal_head: str = option(
        "what steadies labels: a head (.onnx) that reads each face's last second, default "
        "for the shipped one, none for an average, auto: default with a shipped engine",
        "auto",
        group=shared.LABELS,
    )
    smoothing_s: float | None = option(
        "time constant of that average in seconds: 0.25 where there is no head",
        None,
        between=(0, 60),
        group=shared.LABELS,
    )
    latency_target: float | None = option(
        "milliseconds from capture to result that 99% of a camera's or stream's frames "
        "shall keep to, by less work where it must be",
        None,
        between=(1, 60_000),
        group=shared.LATENCY,
    )
    headless: bool = option("open no window", False, group=shared.OUTPUT)
    output_video: str | None = option(
        "write annotated H.264 video here (.mp4)", None, group=shared.OUTPUT
    )
    sound: bool | None = option(
        "keep a video file's sound in the annotated video; done unless it is anonymized",
        None,
        group=shared.OUTPUT,
    )
    output_json: str | None = option(
        "write one JSON line a frame here; - is the terminal", None, group=shared.OUTPUT
    )
    output_csv: str | None = option(
        "write one CSV row a face and frame; - is the terminal", None, group=shared.OUTPUT
    )
    output_summary: str | None = option(
        "write rate, latencies and counts here at the end, as JSON; - is the terminal",
        None,
        group=shared.OUTPUT,
    )
    segment_s: float | None = option(
        "cut video, JSON lines and CSV into files of so many seconds: F-000001.mp4 and so on",
        None,
        between=(1, 86_400),
        group=shared.OUTPUT,
    )
    max_disk_mb: float | None = option(
        "remove the oldest of these files of this run where all take more megabytes; "
        "cuts at 60 seconds where --segment_s says nothing",
        None,
        between=(1, math.inf),
        group=shared.OUTPUT,
    )
    output_mode: str = shared.output_mode_option()
    anonymize: bool = option(
        "cover the faces in the video and the window; detects in every frame",
        False,
        group=shared.OUTPUT,
    )
    mqtt: str | None = option(
        "publish each frame's JSON: mqtt://[user:password@]host[:port]/topic, mqtts:// for TLS",
        None,
        metavar="URL",
        group=shared.SENDING,
    )
    webhook: str | None = option(
        "POST each frame's JSON to this http(s) URL", None, metavar="URL", group=shared.SENDING
    )
    webhook_batch: int = option(
        "frames in one POST, at most; above 1 it holds JSON lines",
        1,
        between=(1, 1000),
        group=shared.SENDING,
    )
    metrics_port: int | None = option(
        "answer GET /metrics (Prometheus) and /healthz at this port; 0 takes a free one",
        None,
        between=(0, 65535),
        group=shared.SENDING,
    )
    metrics_host: str = option(
        "address to answer at; 0.0.0.0 is every one", "127.0.0.1", group=shared.SENDING
    )
    verbose: bool = option("log more", False)
    config: str | None = field(init=False, default=None, compare=False)
    flags: frozenset[str] = field(init=False, default=frozenset(), compare=False)


def source_configs(options: WebcamOptions) -> tuple[SourceConfig, ...]:
    """The sources that the options ask for, each with its settings.

    Raises:
        UserError: A setting suits no source, or YAML names sources in two ways.
    """
    flags = options.flags
    stated = options.sources
    if stated is None or flags & {"source", "camera_id"}:
        named = None if "camera_id" in flags and "source" not in flags else options.source
        stated = tuple({"source": source} for source in named or [str(options.camera_id)])
    elif options.source is not None:
        raise UserError(f"--config {options.config}: source and sources do the same; choose one")
    trust = choose_trust(options.tls_ca, options.tls_insecure, len(stated))
    common = {name: getattr(options, name) for name in KINDS if name not in _EACH}
    try:
        usual = [
            SourceConfig(
                "",
                None,
                tls_ca=tls.authorities,
                tls_insecure=tls.insecure,
                zones=options.zone,
                **common,
            )
            for tls in trust
        ]
    except UserError as error:
        raise UserError(f"--{error}") from error
    # The flag names one file, the setting the zones in it.
    return fill_sources(stated, usual, flags | {"zones"} if "zone" in flags else flags)


def pipeline_config(options: WebcamOptions) -> PipelineConfig:
    """What the options ask for, with milliseconds turned into seconds.

    Raises:
        UserError: As `source_configs`.
    """
    latency_s = None if options.latency_target is None else options.latency_target / 1e3
    interval_s: float | None = options.detect_interval / 1e3
    score, look_ahead_s = FACE_SCORE, 0.0
    if options.anonymize:
        from runtime.vision.anonymize import COVER_SCORE, LOOK_AHEAD_S

        # Between two detections a new face would be shown as it is.
        interval_s, score, look_ahead_s = None, COVER_SCORE, LOOK_AHEAD_S
    return PipelineConfig(
        source_configs(options),
        DetectorConfig(
            options.detector,
            options.detector_model,
            options.detect_size,
            interval_s,
            score,
            options.raw_boxes,
            options.min_face,
        ),
        EngineConfig(
            options.engine,
            options.provider,
            options.threads,
            options.rebuild,
            embeddings=options.embeddings,
        ),
        LabelsConfig(options.temporal_head, options.smoothing_s),
        LatencyConfig(latency_s, look_ahead_s),
        options.max_frames,
    )
