"""What the options of `train.fit` ask for: preprocessing, loaders, network, first weights."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import torch

from runtime.errors import UserError
from runtime.manifest import Preprocess
from train.checkpoint import read_manifest
from train.data.augmentation import AugmentOptions
from train.data.batches import FaceData, LoaderOptions, class_weights
from train.datasets.faces import FaceSet
from train.fit.options import FitOptions
from train.models.emotion_net import EmotionNet, ModelOptions
from train.models.pretrained import load_weights

Part = TypeVar("Part")

#: What a resumed training must share with its beginning, beside schedule and loss.
_RECIPE = (
    *("image_size", "color", "margin", "warm_size", "warm_epochs", "limit_train"),
    *("ema_decay", "use_class_weights", "class_weight_power", "balanced_sampling"),
    *("dropout", "patience", "teacher", "teacher_share", "outliers"),
    *(f.name for f in fields(AugmentOptions)),
)


def part_of(cls: type[Part], options: FitOptions) -> Part:
    """Makes one of the parts, a dataclass whose fields are called as the options are."""
    return cls(**{f.name: getattr(options, f.name) for f in fields(cls)})  # type: ignore[arg-type]


def make_spec(options: FitOptions, train: FaceSet) -> Preprocess:
    """Makes the preprocessing that a model of these options is trained for."""
    return Preprocess(
        size=options.image_size,
        color=options.color,
        margin=options.margin,
        detail=train.detail,
    )


def make_data(options: FitOptions, train: FaceSet, valid: FaceSet) -> FaceData:
    """Makes the loaders that the options ask for."""
    weights = None
    if options.use_class_weights:
        weights = class_weights(train, options.class_weight_power)
    return FaceData(
        train,
        valid,
        make_spec(options, train),
        part_of(AugmentOptions, options),
        part_of(LoaderOptions, options),
        weights,
    )


def make_net(options: FitOptions, train: FaceSet) -> EmotionNet:
    """Makes the network, with the weights that training begins with.

    Raises:
        UserError: It can't take the pictures, or the weights don't fit it.
    """
    given = options.backbone_weights or options.init_weights
    pretrained = options.pretrained and not given and not options.resume
    net = EmotionNet(part_of(ModelOptions, options), len(train.labels), pretrained)
    if not options.resume:
        _load_first_weights(net, options, train)
    _check_sizes(net, options)
    return net.to(memory_format=torch.channels_last)


def make_recipe(options: FitOptions, labels: tuple[str, ...]) -> dict[str, Any]:
    """Notes what a resumed training must share with what it goes on from."""
    return {"labels": list(labels), **{name: getattr(options, name) for name in _RECIPE}}


def _load_first_weights(net: EmotionNet, options: FitOptions, train: FaceSet) -> None:
    """Loads the weights that the options name, if they do."""
    if options.backbone_weights:
        load_weights(net.backbone, Path(options.backbone_weights), "--backbone_weights")
    if options.init_weights:
        path = Path(options.init_weights)
        labels = read_manifest(path).labels
        if labels != train.labels:
            raise UserError(
                f"--init_weights {path}: it knows {', '.join(labels)}; "
                f"{train.name} holds {', '.join(train.labels)}"
            )
        load_weights(net, path, "--init_weights")


def _check_sizes(net: EmotionNet, options: FitOptions) -> None:
    """Fails early where the backbone can't take pictures of the size that was asked for."""
    sizes = {"--image_size": options.image_size}
    if options.warm_epochs:
        sizes["--warm_size"] = options.warm_size
    mode = net.training
    for flag, size in sizes.items():
        try:
            with torch.inference_mode():
                net.eval()(torch.zeros(1, 3, size, size))
        except (AssertionError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(
                f"{flag} {size}: --backbone {options.backbone} can't take it ({reason})"
            ) from error
    net.train(mode)
