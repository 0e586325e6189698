"""Two cameras in one pipeline, each with a name; says whenever a face's label changes.

    python examples/two_cameras.py door=0 desk=rtsp://10.0.0.7/live [--max_frames N]

Without cameras the built-in clip stands for both. They share one detector and one engine:
faces of both are classified together. A camera that is lost is tried again while the other
goes on.
"""

from __future__ import annotations

import argparse
import sys

from emotion_edge import LatencyConfig, Pipeline, PipelineConfig, SourceConfig, UserError


def main() -> int:
    """Prints a line for each change of a label."""
    parser = argparse.ArgumentParser(description="Two cameras in one pipeline.")
    parser.add_argument("cameras", nargs="*", metavar="NAME=SOURCE")
    parser.add_argument("--max_frames", type=int)
    options = parser.parse_args()

    cameras = [camera.partition("=") for camera in options.cameras or ("door=demo", "desk=demo")]
    config = PipelineConfig(
        tuple(SourceConfig(source or name, name=name) for name, _, source in cameras),
        # Less work where results of a live source would take longer than this, in seconds.
        latency=LatencyConfig(target_s=0.1),
        max_frames=options.max_frames,
    )
    shown: dict[tuple[int, int], str] = {}
    with Pipeline(config) as pipeline:
        for result in pipeline:
            stream = result.stream or 0
            for face in result.faces:
                label = "uncertain" if face.uncertain else face.emotion
                # Tracks are numbered in each stream: both together name a face.
                if shown.get((stream, face.track)) != label:
                    shown[stream, face.track] = label
                    print(f"{result.source} {result.time_s:.2f} s: face {face.track} shows {label}")
        for stream in pipeline.metrics.summary()["streams"]:
            print(f"{stream['name']}: {stream['frames']} frames, {stream['dropped']} dropped")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
