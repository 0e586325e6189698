"""EmotionNet: CNN features, channel and spatial attention, a BiLSTM over them."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Any

import timm
import torch
from torch import Tensor, nn

from runtime.errors import UserError
from train.models.pretrained import load_imagenet

MODEL_TYPES = ("baseline", "attention", "full")


@dataclass(frozen=True)
class ModelOptions:
    """Architecture of an `EmotionNet`.

    Attributes:
        backbone: Any model of timm's own list that gives feature maps.
        model_type: `baseline` (CNN, global pooling), `attention` (adds channel
            and spatial attention) or `full` (adds the BiLSTM).
        lstm_hidden: Hidden units in each direction.
        lstm_layers: Stacked BiLSTM layers.
        dropout: Dropout before the classifier and between LSTM layers.
        reduction: Channel attention's bottleneck ratio.
    """

    backbone: str = "tf_efficientnet_lite0"
    model_type: str = "full"
    lstm_hidden: int = 256
    lstm_layers: int = 2
    dropout: float = 0.3
    reduction: int = 16


class ChannelAttention(nn.Module):
    """Weighs channels by their average and maximum (CBAM, Woo et al. 2018, eq. 2)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Weighs (N, C, H, W) features."""
        average = self.mlp(x.mean((2, 3), keepdim=True))
        peak = self.mlp(x.amax((2, 3), keepdim=True))
        return x * torch.sigmoid(average + peak)


class SpatialAttention(nn.Module):
    """Weighs positions by their channel mean and maximum (CBAM, eq. 3)."""

    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Weighs (N, C, H, W) features."""
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.conv(pooled))


class EmotionNet(nn.Module):
    """Backbone features -> attention -> row-by-row tokens -> BiLSTM -> logits.

    Every position of the last feature map is a token, so no adaptive pooling
    enters the exported graph and any input size works.
    """

    def __init__(self, options: ModelOptions, classes: int, pretrained: bool = False) -> None:
        """Builds the network.

        Args:
            options: Architecture.
            classes: Number of logits.
            pretrained: Start from ImageNet weights where they can be had.

        Raises:
            UserError: Unknown backbone or model type.
        """
        super().__init__()
        if options.model_type not in MODEL_TYPES:
            raise UserError(
                f"--model_type must be one of {', '.join(MODEL_TYPES)}, not {options.model_type!r}"
            )
        try:
            # timm takes other names for places: it would ask a hub, with the user's token.
            if not timm.is_model(options.backbone):
                raise ValueError("not in timm's list")
            self.backbone = timm.create_model(
                options.backbone, pretrained=False, features_only=True, out_indices=(-1,)
            )
        except (RuntimeError, AttributeError, ValueError, TypeError) as error:
            raise UserError(
                f"--backbone {options.backbone!r}: timm has no such model with feature maps"
            ) from error
        if pretrained and not load_imagenet(self.backbone, options.backbone):
            print(
                f"hint: no installed package has ImageNet weights for {options.backbone}; "
                "it starts from random ones",
                file=sys.stderr,
            )
        info: Any = self.backbone.feature_info
        channels = info.channels()[-1]
        self.attention: nn.Module = nn.Identity()
        if options.model_type != "baseline":
            self.attention = nn.Sequential(
                ChannelAttention(channels, options.reduction), SpatialAttention()
            )
        self.lstm: nn.LSTM | None = None
        width = channels
        if options.model_type == "full":
            self.lstm = nn.LSTM(
                channels,
                options.lstm_hidden,
                options.lstm_layers,
                batch_first=True,
                bidirectional=True,
                dropout=options.dropout if options.lstm_layers > 1 else 0.0,
            )
            width = 2 * options.lstm_hidden
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(width, classes)
        self.options = options

    def embed(self, x: Tensor) -> Tensor:
        """Computes (N, width) features of (N, 3, H, W) normalised faces: what the head reads."""
        maps = self.attention(self.backbone(x)[0])
        tokens = maps.flatten(2).transpose(1, 2)
        if self.lstm is not None:
            tokens, _ = self.lstm(tokens)
        features: Tensor = tokens.mean(1)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Computes (N, classes) logits of (N, 3, H, W) normalised faces."""
        logits: Tensor = self.head(self.dropout(self.embed(x)))
        return logits

    def describe(self) -> dict[str, Any]:
        """Gives what rebuilds the network, for the manifest."""
        return asdict(self.options)
