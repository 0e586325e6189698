"""Ranges of every tensor of a network on real faces: measured once, kept in a file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, create_calibrator

from calibration.calibration_set import CalibrationOptions
from calibration.samples import calibration_inputs
from runtime.errors import UserError
from runtime.manifest import Preprocess
from runtime.support.files.writing import check_writable, write_whole

#: Options of ONNX Runtime's calibrators. Its entropy method clips nothing with
#: fewer bins than twice the quantized ones.
_CALIBRATORS: dict[str, tuple[CalibrationMethod, dict[str, Any]]] = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"percentile": 99.999, "symmetric": False}),
    "entropy": (CalibrationMethod.Entropy, {"num_bins": 1024, "num_quantized_bins": 128}),
}

_BATCH = 16


@dataclass(frozen=True)
class Ranges:
    """What each tensor holds.

    Attributes:
        weights: Hash of the model's weights.
        method: One of `METHODS`.
        faces: Where the calibration faces come from, in words.
        n: How many there were.
        seed: Which were drawn.
        tensors: Lowest and highest value by tensor.
    """

    weights: str
    method: str
    faces: str
    n: int
    seed: int
    tensors: Mapping[str, tuple[float, float]]

    def save(self, path: Path) -> None:
        """Writes JSON, at once or not at all.

        Raises:
            UserError: The file can't be written.
        """
        write_whole(path, json.dumps(asdict(self), indent=1) + "\n", "--ranges")

    @classmethod
    def load(cls, path: Path) -> Ranges:
        """Reads what `save` wrote.

        Raises:
            UserError: The file can't be read, or holds something else.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            pairs = data["tensors"].items()
            tensors = {str(name): (float(low), float(high)) for name, (low, high) in pairs}
            if not all(-np.inf < low <= high < np.inf for low, high in tensors.values()):
                raise ValueError("a range is not a range")
            return cls(**{**data, "tensors": tensors})
        except OSError as error:
            raise UserError(f"--ranges {path}: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"--ranges {path}: not a file of ranges ({error}); delete it to measure them anew"
            ) from error


def weights_hash(model: onnx.ModelProto) -> str:
    """Computes the SHA-256 of a model's weights and their names."""
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        digest.update(tensor.name.encode())
        digest.update(numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


def get_ranges(
    options: CalibrationOptions,
    data_dir: str | None,
    dataset: str,
    model: onnx.ModelProto,
    spec: Preprocess,
) -> Ranges:
    """Reads the ranges that `--ranges` holds, or measures and keeps them.

    Args:
        options: Where they come from.
        data_dir: Whose training part is taken where no other faces are named.
        dataset: Its layout.
        model: The FP32 model.
        spec: Its preprocessing.

    Raises:
        UserError: They are another network's, or there is nothing to calibrate with.
    """
    key = weights_hash(model)
    cache = Path(options.ranges) if options.ranges else None
    if cache is not None and cache.is_file():
        ranges = Ranges.load(cache)
        if ranges.weights != key:
            raise UserError(
                f"--ranges {cache}: measured on another network's weights; delete it, or name "
                "another file, to measure them anew"
            )
        print(f"{cache}: {ranges.method} ranges of {ranges.n} faces ({ranges.faces})", flush=True)
        return ranges
    folder = options.calibration_dir or data_dir
    if folder is None:
        raise UserError(
            "INT8 needs faces to calibrate with: --calibration_dir D or --data_dir D, or a file of "
            "ranges (--ranges)"
        )
    if cache is not None:
        check_writable(cache, "--ranges")
    inputs, origin = calibration_inputs(
        Path(folder),
        options.calibration_dataset or dataset,
        options.calibration_samples,
        options.seed,
        spec,
    )
    method = options.calibration_method
    print(f"measuring {method} ranges on {len(inputs)} faces ({origin})", flush=True)
    tensors = measure_ranges(model, inputs, method)
    ranges = Ranges(key, method, origin, len(inputs), options.seed, tensors)
    if cache is not None:
        ranges.save(cache)
    return ranges


def measure_ranges(
    model: onnx.ModelProto, inputs: NDArray[np.float32], method: str
) -> dict[str, tuple[float, float]]:
    """Measures the lowest and the highest value of every tensor, by ONNX Runtime's calibrators.

    Args:
        model: The FP32 model, with one input.
        inputs: (N, 3, S, S) float32 network inputs of real faces.
        method: One of `METHODS`.
    """
    kind, options = _CALIBRATORS[method]
    with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        source = Path(folder, "model.onnx")
        onnx.save(model, source)
        calibrator = create_calibrator(
            source,
            augmented_model_path=str(Path(folder, "augmented.onnx")),
            calibrate_method=kind,
            extra_options=options,
        )
        # Batch by batch: it keeps every value of what it is given at once, and
        # takes no batches of two sizes.
        for start in range(0, len(inputs), _BATCH):
            batch = {model.graph.input[0].name: inputs[start : start + _BATCH]}
            calibrator.collect_data(_Reader(batch))
        measured = calibrator.compute_data()
    return {
        name: (float(np.min(data.range_value[0])), float(np.max(data.range_value[1])))
        for name, data in measured.items()
    }


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """One batch."""

    def __init__(self, batch: dict[str, NDArray[np.float32]]) -> None:
        self._batches = iter([batch])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._batches, None)
