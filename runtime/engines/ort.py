"""ONNX Runtime backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from runtime.engines.providers import PROVIDERS
from runtime.errors import EngineError
from runtime.support.redaction import printable

#: ONNX Runtime's errors that blame the model and not the provider.
_BROKEN_MODEL = ("InvalidProtobuf", "InvalidGraph", "NoSuchFile")


class OrtNetwork:
    """A `Network` in an ONNX Runtime session."""

    def __init__(self, path: Path, copy: str, provider: str, threads: int) -> None:
        """Loads the model.

        Args:
            path: Its file, for messages.
            copy: Path of what is loaded, as `ModelFile` gives it.
            provider: Where it runs, one of `PROVIDERS`.
            threads: Threads inside one run.

        Raises:
            EngineError: The file isn't a sound ONNX model, or the provider
                can't be loaded (ONNX Runtime itself would fall back in silence).
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # What matters is raised. The default logger is the host program's.
        options.log_severity_level = 4
        # Spinning threads would take the cores that the other stages need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Its other format is told by four bytes, which an ONNX file can hold as well.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        wanted = PROVIDERS[provider].execution
        if wanted not in ort.get_available_providers():
            raise EngineError(
                f"--provider {provider}: this ONNX Runtime has no {wanted}; "
                f"install {PROVIDERS[provider].package} in place of it (never beside it)"
            )
        # OpenVINO has threads of its own, which the session's option doesn't reach.
        own = {"num_of_threads": str(threads)} if provider == "openvino" else {}
        try:
            session = ort.InferenceSession(
                copy,
                options,
                providers=[wanted],
                provider_options=[own],
                enable_fallback=0,  # it would print, and run on the CPU
            )
        except Exception as error:  # ONNX Runtime's errors share no base class
            text = str(error).replace(copy, str(path)).partition("\n")[0]
            reason = printable(text) or type(error).__name__
            if provider != "cpu" and type(error).__name__ not in _BROKEN_MODEL:
                raise EngineError(f"{_not_loaded(provider)} ({reason})") from error
            raise EngineError(
                f"{path}: not a sound ONNX model, or cut short; export it again ({reason})"
            ) from error
        # ONNX Runtime may leave the provider out without a word.
        loaded = session.get_providers()
        if loaded[0] != wanted:
            raise EngineError(
                f"{_not_loaded(provider)}; ONNX Runtime would run on {loaded[0]} instead"
            )
        self._session: ort.InferenceSession | None = session
        self.name = f"{path} ({wanted}, {threads} thread{'s' if threads > 1 else ''})"
        try:
            inputs, outputs = session.get_inputs(), session.get_outputs()
            names = [tensor.name for tensor in (*inputs, *outputs)]
            if len(inputs) != 1 or inputs[0].type != "tensor(float)":
                raise EngineError(f"{path}: the model must have one float32 input")
            self._input = names[0]
            self.input_shape = _shape(inputs[0].shape)
            self.output_shapes: Mapping[str, tuple[int | None, ...]] = {
                output.name: _shape(output.shape) for output in outputs
            }
        except UnicodeDecodeError as error:
            raise EngineError(f"{path}: the model has names that aren't UTF-8") from error

    def run(
        self, batch: NDArray[np.float32], outputs: Sequence[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Runs the model; see `Network.run`.

        ONNX Runtime gives back only what is asked for, but runs the whole graph (seen with
        1.28, whatever `only_execute_path_to_fetches` says: only its training builds obey it).
        """
        if self._session is None:
            raise EngineError(f"{self.name}: the engine is closed")
        names = list(self.output_shapes if outputs is None else outputs)
        try:
            values = self._session.run(names, {self._input: batch})
        except Exception as error:
            raise EngineError(f"{self.name}: {printable(str(error))}") from error
        return dict(zip(names, values, strict=True))

    def close(self) -> None:
        """Frees the session."""
        self._session = None


def _not_loaded(provider: str) -> str:
    wanted = PROVIDERS[provider]
    return (
        f"--provider {provider}: {wanted.execution} could not be loaded; "
        f"{wanted.package} needs {wanted.needs}"
    )


def _shape(shape: Sequence[Any]) -> tuple[int | None, ...]:
    """ONNX Runtime names free sides by text."""
    return tuple(side if isinstance(side, int) else None for side in shape)
