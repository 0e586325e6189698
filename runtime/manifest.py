"""The contract between training and the device.

A manifest travels with every model: in the checkpoint's header, in the ONNX
file's metadata and in a JSON sidecar beside each artifact. The runtime obeys
it (label order, preprocessing, temperature) and refuses a model without one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from runtime.errors import ManifestError
from runtime.manifest_fields import Output, check_keys, is_int, is_number, parse_object, wrong

#: Canonical label order (FER+'s own column order). Every model's labels are a
#: subsequence of it, so index mix-ups between data sets cannot pass unseen.
EMOTIONS: tuple[str, ...] = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)

#: Key of the manifest in ONNX `metadata_props` and in safetensors metadata.
METADATA_KEY = "emotion_manifest"

#: Name of the output that every emotion model has: one logit for each label.
LOGITS = "logits"

#: Name of the output that holds the features before the last layer, where a model has it.
EMBEDDING = "embedding"

SCHEMA = 1


#: Keys whose values are objects that only some readers need.
_OBJECTS = ("model", "metrics", "proof", "tools", "quantization", "plan", "provenance")


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How a face becomes the network's input.

    Attributes:
        size: Height and width of the input in pixels.
        color: `gray` (luminance repeated on three channels) or `rgb`.
        mean: Per-channel mean subtracted after scaling to [0, 1].
        std: Per-channel standard deviation divided by.
        margin: Side of the square crop over the longer side of the face box.
        shift: Downward shift of the crop's centre, as a fraction of its side.
        align: `none`, or `roll` (rotate so that the eyes are level).
        detail: The training faces' own side in pixels. A larger crop is first
            reduced to it, so that the network sees the sharpness it was
            trained on. 0 turns this off.
    """

    size: int = 112
    color: str = "gray"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    margin: float = 1.0
    shift: float = 0.0
    align: str = "none"
    detail: int = 0

    def __post_init__(self) -> None:
        """Checks every field.

        Raises:
            ManifestError: A value has the wrong type or range.
        """
        if not is_int(self.size) or not 16 <= self.size <= 1024:
            raise wrong("preprocess.size", "16 to 1024 pixels", self.size)
        if self.color not in ("gray", "rgb"):
            raise wrong("preprocess.color", "'gray' or 'rgb'", self.color)
        # So bounded, no face becomes anything but finite numbers.
        for name, low in (("mean", -1000.0), ("std", 0.001)):
            value = getattr(self, name)
            if (
                not isinstance(value, (tuple, list))
                or len(value) != 3
                or not all(is_number(v) and low <= v <= 1000 for v in value)
            ):
                raise wrong(f"preprocess.{name}", f"three numbers of {low:g} to 1000", value)
        if not is_number(self.margin) or not 0.5 <= self.margin <= 3.0:
            raise wrong("preprocess.margin", "0.5 to 3", self.margin)
        if not is_number(self.shift) or not -0.5 <= self.shift <= 0.5:
            raise wrong("preprocess.shift", "-0.5 to 0.5", self.shift)
        if self.align not in ("none", "roll"):
            raise wrong("preprocess.align", "'none' or 'roll'", self.align)
        if not is_int(self.detail) or not 0 <= self.detail <= 1024:
            raise wrong("preprocess.detail", "0 to 1024 pixels", self.detail)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model is, and how to feed and read it.

    Attributes:
        labels: Names of the logits in order; a subsequence of `EMOTIONS`.
        preprocess: How a face becomes the input.
        temperature: Logits are divided by it before softmax (Guo et al. 2017,
            "On Calibration of Modern Neural Networks").
        precision: Arithmetic of the artifact: `fp32`, `fp16` or `int8`.
        sha256: Hash of the artifact's file; only in the sidecar.
        model: Architecture options that rebuild the network.
        metrics: Measured accuracy figures with their n.
        proof: Parity with the PyTorch model, as measured by the export.
        tools: Versions of the tools that made the artifact.
        quantization: How an INT8 artifact was made: `target` (`tensorrt` or
            `cpu`), method, calibration faces and their number, layers kept in
            float. Empty otherwise.
        plan: What a TensorRT plan was built with and for: `library`
            (`tensorrt` or `tensorrt_rtx`), its `version`, `gpu` and
            `compute_capability` (a list of targets where it was built for
            several), `driver`, `profile` (`min`, `opt`, `max` batch) and the
            hash of the ONNX file it came from. Empty otherwise.
        provenance: What the artifact was exported from: `checkpoint`, the hash of its
            file, and the file's name `file`. Empty in a checkpoint, and in older artifacts.
        outputs: What the network gives, by name. `LOGITS` is always among them, and
            follows from `labels`: a manifest without the key has that output alone.
    """

    labels: tuple[str, ...] = EMOTIONS
    preprocess: Preprocess = field(default_factory=Preprocess)
    temperature: float = 1.0
    precision: str = "fp32"
    sha256: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    proof: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    quantization: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks every field.

        Raises:
            ManifestError: A value has the wrong type or range.
        """
        unknown = [label for label in self.labels if label not in EMOTIONS]
        if unknown:
            raise ManifestError(
                f"unknown label {shown(unknown[0])} in the manifest; "
                f"the labels are {', '.join(EMOTIONS)}"
            )
        canonical = tuple(label for label in EMOTIONS if label in self.labels)
        if self.labels != canonical:
            raise ManifestError(
                f"labels must be in canonical order without repeats ({', '.join(canonical)}), "
                f"not {', '.join(self.labels[: len(EMOTIONS) + 1])}"
            )
        if len(self.labels) < 2:
            raise ManifestError("a manifest needs at least two labels")
        if not is_number(self.temperature) or not 0.01 <= self.temperature <= 100:
            raise wrong("temperature", "0.01 to 100", self.temperature)
        if self.precision not in ("fp32", "fp16", "int8"):
            raise wrong("precision", "fp32, fp16 or int8", self.precision)
        if not isinstance(self.sha256, (str, type(None))):
            raise wrong("sha256", "text", self.sha256)
        for name in _OBJECTS:
            if not isinstance(getattr(self, name), Mapping):
                raise wrong(f"{name}", "an object", getattr(self, name))
        for name in ("library", "version", "gpu", "onnx_sha256"):
            if not isinstance(self.plan.get(name, ""), (str, type(None))):
                raise wrong(f"plan.{name}", "text", self.plan[name])
        targets = self.plan.get("compute_capability", "")
        several = targets if isinstance(targets, (list, tuple)) else [targets]
        if not all(isinstance(target, (str, type(None))) for target in several):
            raise wrong("plan.compute_capability", "text or texts", targets)
        if not isinstance(self.provenance.get("checkpoint", ""), str):
            raise wrong("provenance.checkpoint", "text", self.provenance["checkpoint"])
        logits = Output("logits", (len(self.labels),), self.labels)
        object.__setattr__(self, "outputs", {**self.outputs, LOGITS: logits})

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one input, (3, H, W)."""
        return (3, self.preprocess.size, self.preprocess.size)

    def to_json(self, indent: int | None = None) -> str:
        """The manifest as JSON text with its schema number."""
        return json.dumps(self.to_object(), indent=indent)

    def to_object(self) -> dict[str, Any]:
        """The manifest as a JSON object with its schema number."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, text: str, origin: str = "manifest") -> Manifest:
        """Reads JSON text.

        Args:
            text: What `to_json` wrote.
            origin: Where it came from, for messages.

        Raises:
            ManifestError: Not JSON, another schema, unknown or missing keys,
                or values out of range.
        """
        return cls.from_object(parse_object(text, origin), origin)

    @classmethod
    def from_object(cls, data: Mapping[str, Any], origin: str = "manifest") -> Manifest:
        """Reads a JSON object; arguments and errors are those of `from_json`."""
        data = dict(data)
        schema = data.pop("schema", None)
        if not is_int(schema) or schema != SCHEMA:
            raise ManifestError(
                f"{origin}: manifest schema {shown(schema)}, this version reads {SCHEMA}; "
                "export the model again"
            )
        try:
            pre = data.pop("preprocess")
            pre = {k: tuple(v) if isinstance(v, list) else v for k, v in pre.items()}
            check_keys(pre, Preprocess, f"{origin}: preprocess")
            check_keys(data, cls, origin)
            labels = data.pop("labels")
            if not isinstance(labels, list):
                raise TypeError("labels must be a list")
            outputs = Output.from_objects(data.pop("outputs", {}))
            given = outputs.get(LOGITS)
            manifest = cls(
                labels=tuple(labels), preprocess=Preprocess(**pre), outputs=outputs, **data
            )
            if given not in (None, manifest.outputs[LOGITS]):
                raise ManifestError(f"outputs.{LOGITS} contradicts the labels")
            return manifest
        except ManifestError as error:
            raise ManifestError(f"{origin}: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise ManifestError(f"{origin}: malformed manifest ({error})") from error

    def training_hash(self) -> str:
        """Hash of what training and calibration wrote, which every export leaves as it is.

        Artifacts of one checkpoint have the same one, in any precision and as plans.
        """
        kept = asdict(self)
        text = json.dumps(
            {key: kept[key] for key in ("labels", "preprocess", "temperature", "model", "metrics")},
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def agrees_with(self, other: Manifest) -> bool:
        """Whether both ask for the same input and give the same labels."""
        return (self.labels, self.preprocess, self.temperature, self.precision) == (
            other.labels,
            other.preprocess,
            other.temperature,
            other.precision,
        )


def sidecar_path(artifact: Path) -> Path:
    """`emotion.onnx` -> `emotion.json`, `emotion.plan` -> `emotion.plan.json`, beside it."""
    if artifact.suffix == ".onnx":
        return artifact.with_suffix(".json")
    return artifact.with_name(artifact.name + ".json")


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
