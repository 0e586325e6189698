"""The commands whose behaviour is recorded, and what they are given.

Only command lines and flags stand here, no internal module: those move.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

REPO = Path(__file__).resolve().parents[2]
CLIPS = REPO.parent / "shared" / "data" / "clips"
PORTRAIT = REPO / "runtime" / "assets" / "astronaut.jpg"
MODELS = REPO / "runtime" / "models"

#: Every `python -m X` that a user may type.
COMMANDS = (
    "runtime.webcam",
    "runtime.predict",
    "runtime.doctor",
    "train.fit",
    "train.evaluate",
    "train.ablation",
    "train.temporal",
    "train.explain",
    "train.face_weights",
    "export",
    "export.to_plan",
    "export.layers",
    "export.temporal",
    "export.centerface",
    "calibration.temperature",
    "calibration.sensitivity",
    "benchmarks.accuracy",
    "benchmarks.anonymity",
    "benchmarks.shots",
    "benchmarks.engine",
    "benchmarks.framing",
    "benchmarks.loading",
    "benchmarks.overload",
    "benchmarks.peers",
    "benchmarks.pipeline",
    "benchmarks.report",
    "benchmarks.soak",
    "benchmarks.stability",
)

#: Name of a run of the built-in clip -> flags.
DEMO_RUNS = {
    "demo-main": "--source demo --engine main",
    "demo-default": "--source demo --engine default --max_frames 150",
}

#: Name of a run of clips that not every machine has -> flags. A file without faces of
#: its own at some frames, several faces, and turning heads are among them.
CLIP_RUNS = {
    f"clip-{short}-{engine}": f"--source {{clips}}/{file} --engine {engine} --max_frames 150"
    for short, file in {
        "classroom": "classroom.gif",
        "walking": "face-demographics-walking.gif",
        "female": "head-pose-face-detection-female.gif",
        "male": "head-pose-face-detection-male.gif",
    }.items()
    for engine in ("main", "default")
}

#: Name of a run over pictures -> what `runtime.predict` is given.
PREDICT_RUNS = {
    "predict-main": "{assets} --engine main",
    "predict-default": "{assets}",
    "predict-crops-main": "{assets} --face_crops --engine main",
    "predict-crops-default": "{assets} --face_crops",
    "predict-four-main": "{tmp}/four.png --engine main",
}

#: Command lines with something wrong; what is not refused has exit code 0 in the record.
BAD_INPUTS = (
    "runtime.webcam --headless --source demo --engine {tmp}/none.onnx",
    "runtime.webcam --headless --source demo --engine nosuch",
    "runtime.webcam --headless --source demo --engine {models}/emotion.safetensors",
    "runtime.webcam --headless --source demo --engine {tmp}/no_manifest.onnx",
    "runtime.webcam --headless --source demo --engine {tmp}/truncated.onnx",
    "runtime.webcam --headless --source demo --engine {tmp}/empty.onnx",
    "runtime.webcam --headless --source demo --engine {tmp}",
    "runtime.webcam --headless --source demo --temporal_head {tmp}/none.onnx",
    "runtime.webcam --headless --source demo --detector haar",
    "runtime.webcam --headless --source demo --detector scrfd",
    "runtime.webcam --headless --source demo --detector yunet --detector_model {tmp}/none.onnx",
    "runtime.webcam --headless --source demo --provider tpu",
    "runtime.webcam --headless --source demo --detect_interval -1",
    "runtime.webcam --headless --source demo --detect_size big",
    "runtime.webcam --headless --source demo --detect_size 0",
    "runtime.webcam --headless --source demo --max_frames 0",
    "runtime.webcam --headless --source demo --latency_target 0",
    "runtime.webcam --headless --source demo --smoothing_s nan",
    "runtime.webcam --headless --source demo --threads 0",
    "runtime.webcam --headless --source demo --nosuch 1",
    "runtime.webcam --headless --source demo --output_json {tmp}/empty.mp4/o.jsonl",
    # A missing folder is made.
    "runtime.webcam --headless --source demo --max_frames 3 --output_json {tmp}/new/o.jsonl",
    "runtime.webcam --headless --source demo --output_csv {tmp}",
    "runtime.webcam --headless --source demo --output_video {tmp}/o.txt",
    "runtime.webcam --headless --source demo --output_json {tmp}/o --output_csv {tmp}/o",
    "runtime.webcam --headless --source demo --output_mode 999",
    "runtime.webcam --headless --source demo --output_mode rw",
    "runtime.webcam --headless --source demo --metrics_port {port}",
    "runtime.webcam --headless --source demo --metrics_port 70000",
    "runtime.webcam --headless --source demo --mqtt http://127.0.0.1/faces",
    "runtime.webcam --headless --source demo --mqtt mqtt://127.0.0.1",
    "runtime.webcam --headless --source demo --webhook ftp://127.0.0.1/faces",
    "runtime.webcam --headless --source demo --webhook http://",
    "runtime.webcam --headless --source demo --webhook_batch 0",
    "runtime.webcam --headless --source https://127.0.0.1:1/a.mp4 --tls_ca {tmp}/none.pem",
    "runtime.webcam --headless --source demo --config {tmp}/none.yaml",
    "runtime.webcam --headless --source demo --config {tmp}/unknown.yaml",
    "runtime.webcam --headless --source demo --config {tmp}/broken.yaml",
    "runtime.webcam --headless --source demo --config {tmp}/type.yaml",
    "runtime.webcam --headless --source demo --config {tmp}/choice.yaml",
    "runtime.webcam --headless --source demo --config {tmp}/range.yaml",
    "runtime.webcam --headless --source {tmp}/none.mp4",
    "runtime.webcam --headless --source {tmp}/empty.mp4",
    "runtime.webcam --headless --source {tmp}/text.mp4",
    "runtime.webcam --headless --source {tmp}/broken.jpg",
    "runtime.webcam --headless --source {tmp}/folder",
    "runtime.webcam --headless --source {tmp}/four.png --output_json {tmp}/four.png",
    "runtime.webcam --headless --source {tmp}/none.mp4 {tmp}/empty.mp4",
    "runtime.predict",
    "runtime.predict {tmp}/none.jpg",
    "runtime.predict {tmp}/broken.jpg",
    "runtime.predict {tmp}/broken.jpg {assets}/astronaut.jpg",
    "runtime.predict {tmp}/folder",
    "runtime.predict {tmp}/four.png --engine {tmp}/none.onnx",
    "runtime.predict {tmp}/four.png --engine {models}/emotion.safetensors",
    "runtime.predict {tmp}/four.png --min_score 2",
    "runtime.predict {tmp}/four.png --min_confidence high",
    "runtime.predict {tmp}/four.png --output_json {tmp}/four.png",
    "runtime.predict {tmp}/four.png --output_json {tmp}/new/p.jsonl",
    "runtime.predict {tmp}/four.png --visualize {tmp}/empty.mp4",
    "runtime.predict {tmp}/four.png --output_mode 1000",
    "runtime.doctor --engine {tmp}/none.onnx",
    "runtime.doctor --engine {models}/emotion.safetensors",
    "runtime.doctor --trial_s -1",
    "runtime.doctor four.png",
    "train.fit",
    "train.fit --data_dir {tmp}/none",
    "train.fit --data_dir {tmp}/folder --model_type nosuch",
    "train.fit --config {tmp}/unknown.yaml",
    "train.evaluate",
    "train.evaluate --data_dir {tmp}/folder --checkpoint_path {tmp}/none.safetensors",
    "train.ablation",
    "train.ablation --data_dir {tmp}/none",
    "train.temporal",
    "train.explain",
    "train.explain {tmp}/four.png --checkpoint {tmp}/none.safetensors",
    "train.face_weights",
    "export",
    "export --checkpoint {tmp}/none.safetensors --output_dir {tmp}/export",
    "export --checkpoint {models}/emotion.safetensors --output_dir {tmp}/export --precision fp8",
    "export.to_plan",
    "export.to_plan --onnx {tmp}/none.onnx",
    "export.to_plan --onnx {models}/emotion.onnx --library nosuch",
    "export.layers",
    "export.temporal",
    "export.temporal --head {tmp}/none.safetensors --output {tmp}/o.onnx",
    "export.centerface --source {tmp}/none.onnx",
    "calibration.temperature",
    "calibration.temperature --checkpoint {tmp}/none.safetensors --data_dir {tmp}/folder",
    "calibration.sensitivity",
    "benchmarks.accuracy",
    "benchmarks.anonymity --nosuch",
    "benchmarks.shots --nosuch",
    "benchmarks.engine --engine {tmp}/none.onnx",
    "benchmarks.engine --rounds 1",
    "benchmarks.framing",
    "benchmarks.loading",
    "benchmarks.overload --faces many",
    "benchmarks.peers --peers nosuch",
    "benchmarks.pipeline --size 640",
    "benchmarks.pipeline --compare {tmp}/none.json",
    "benchmarks.report {tmp}/none.json",
    "benchmarks.soak --engine {tmp}/none.onnx",
    "benchmarks.stability --split nosuch",
)


def write_inputs(folder: Path) -> None:
    """Writes the files that `BAD_INPUTS` and `PREDICT_RUNS` name into an empty folder."""
    (folder / "folder").mkdir()
    for name in ("empty.mp4", "empty.onnx"):
        (folder / name).write_bytes(b"")
    (folder / "text.mp4").write_text("no video\n" * 100)
    (folder / "broken.jpg").write_bytes(PORTRAIT.read_bytes()[:300])
    model = (MODELS / "emotion.onnx").read_bytes()
    (folder / "truncated.onnx").write_bytes(model[:100_000])
    # The same length, so that the file stays a sound ONNX file.
    assert model.count(b"emotion_manifest") == 1
    (folder / "no_manifest.onnx").write_bytes(
        model.replace(b"emotion_manifest", b"another_manifest")
    )
    for name, text in {
        "unknown": "nosuch: 1\n",
        "broken": "engine: [\n",
        "type": "threads: many\n",
        "choice": "detector: haar\n",
        "range": "detect_interval: -1\n",
    }.items():
        (folder / f"{name}.yaml").write_text(text)
    # Four faces of several sizes and brightnesses; PNG, so that no decoder rounds.
    image = cv2.imread(str(PORTRAIT))
    small = cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA)
    canvas = np.zeros((768, 1024, 3), np.uint8)
    canvas[:512, :512] = image
    canvas[:512, 512:] = image[:, ::-1]
    canvas[512:, :256] = small
    canvas[512:, 512:768] = (small * 0.4).astype(np.uint8)
    cv2.imwrite(str(folder / "four.png"), canvas)
