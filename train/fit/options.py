"""The options of `train.fit`, each with its range."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runtime.errors import UserError
from runtime.support.cli import option
from train.datasets.catalogue import DATASETS


@dataclass
class FitOptions:
    """Train an emotion model; writes best.safetensors, last.ckpt and a TensorBoard log.

    The defaults are the classic recipe: AdamW at 1e-4, decay 1e-5, the rate
    halved when more than 5 epochs bring no progress, stopping after 10.
    """

    data_dir: str = option("folder of the data set")
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    checkpoint_dir: str = option("where checkpoints go", "checkpoints")
    log_dir: str = option("where TensorBoard logs go", "logs")
    resume: bool = option("continue from last.ckpt in --checkpoint_dir", False)
    epochs: int = option("passes over the training faces", 30, between=(1, 100_000))
    batch_size: int = option("faces a step", 64, between=(2, 65_536))
    accumulate: int = option("batches whose gradients make one step", 1, between=(1, 65_536))
    num_workers: int = option("loader processes", 0, between=(0, 256))
    seed: int = option("random seed", 0, between=(0, 2**31))
    deterministic: bool = option("only operations that repeat bit by bit on a GPU", False)
    threads: int = option("CPU threads; 0 leaves the choice to PyTorch", 0, between=(0, 256))
    precision: str = option("arithmetic", "32-true", choices=("32-true", "16-mixed", "bf16-mixed"))
    # Where it runs, as Lightning's Trainer takes it.
    accelerator: str = option("kind of device: auto, cpu, gpu", "auto")
    devices: str = option("devices a node: a number, or indices such as 0,1", "auto")
    num_nodes: int = option("machines that train together", 1, between=(1, 4096))
    strategy: str = option("how several devices share the work: auto, ddp, ...", "auto")
    limit_train: int = option(
        "use only N training faces, spread over the set; 0 uses all", 0, between=(0, math.inf)
    )
    limit_valid: int = option(
        "use only N validation faces, spread over the set; 0 uses all", 0, between=(0, math.inf)
    )
    # The network.
    backbone: str = option("timm model that gives feature maps", "tf_efficientnet_lite0")
    model_type: str = option("network", "full", choices=("baseline", "attention", "full"))
    lstm_hidden: int = option("BiLSTM units a direction", 256, between=(1, 8192))
    lstm_layers: int = option("BiLSTM layers", 2, between=(1, 8))
    dropout: float = option("dropout", 0.3, between=(0, 0.99))
    reduction: int = option("channel attention's bottleneck ratio", 16, between=(1, 1024))
    pretrained: bool = option("start from ImageNet weights where they can be had", True)
    backbone_weights: str = option(
        "safetensors file the backbone starts from instead, such as train.face_weights writes", ""
    )
    init_weights: str = option(
        "checkpoint of the same network and classes that training starts from", ""
    )
    color: str = option("the network sees luminance or colour", "gray", choices=("gray", "rgb"))
    image_size: int = option("side of the input in pixels", 112, between=(16, 1024))
    warm_size: int = option("side of the input in the first epochs", 64, between=(16, 1024))
    warm_epochs: int = option("how many epochs at --warm_size", 0, between=(0, math.inf))
    margin: float = option("side of the face crop over the face box (measured)", 1.0)
    # The recipe.
    learning_rate: float = option("peak rate of the new layers", 1e-4, between=(1e-9, 10))
    backbone_lr_scale: float = option("the backbone's rate as a part of it", 1.0, between=(0, 100))
    layer_decay: float = option(
        "each earlier stage of the backbone learns at this part of the next one's rate",
        1.0,
        between=(0.01, 1),
    )
    freeze_epochs: int = option(
        "epochs in which only the new layers learn", 0, between=(0, math.inf)
    )
    weight_decay: float = option("AdamW's weight decay", 1e-5, between=(0, 10))
    scheduler: str = option(
        "learning rate schedule", "plateau", choices=("plateau", "cosine", "onecycle")
    )
    warmup_epochs: float = option(
        "epochs in which the cosine schedule rises", 1.0, between=(0, math.inf)
    )
    ema_decay: float = option(
        "decay of the weight average; 0 turns it off", 0.0, between=(0, 0.99999)
    )
    patience: int = option(
        "epochs without progress before stopping early", 10, between=(1, math.inf)
    )
    # The loss.
    label_smoothing: float = option("label smoothing", 0.0, between=(0, 0.99))
    use_class_weights: bool = option("weigh rare classes more in the loss", False)
    class_weight_power: float = option(
        "weight is class frequency to minus this: 1 balances wholly, 0.5 half-way",
        1.0,
        between=(0, 1),
    )
    balanced_sampling: bool = option(
        "draw faces of rare classes more often, so that all come about equally", False
    )
    teacher: list[str] = option(
        "checkpoints whose mean prediction becomes part of each face's target", []
    )
    teacher_share: float = option("how large a part", 0.5, between=(0, 1))
    mixup: float = option("Beta parameter of mixup; 0 turns it off", 0.0, between=(0, 10))
    cutmix: float = option("Beta parameter of CutMix; 0 turns it off", 0.0, between=(0, 10))
    # Augmentation.
    rotate: float = option("largest roll in degrees", 15.0, between=(0, 180))
    shift: float = option("largest shift, part of the side", 0.08, between=(0, 0.5))
    zoom: float = option("largest change of scale", 0.12, between=(0, 0.9))
    shear: float = option("largest shear in degrees", 5.0, between=(0, 45))
    light: float = option("largest change of brightness and contrast", 0.3, between=(0, 1))
    blur: float = option("probability of a soft face", 0.15, between=(0, 1))
    noise: float = option("probability of sensor noise", 0.2, between=(0, 1))
    low_resolution: float = option("probability of a face from far away", 0.0, between=(0, 1))
    erase: float = option("probability of a hidden patch", 0.25, between=(0, 1))
    outliers: float = option(
        "part of the training pictures that show no face and teach uncertainty",
        0.0,
        between=(0, 0.5),
    )

    def __post_init__(self) -> None:
        """Refuses options that contradict each other.

        Raises:
            UserError: Two options do the same, or one undoes another.
        """
        if self.use_class_weights and self.balanced_sampling:
            raise UserError("--use_class_weights and --balanced_sampling do the same; choose one")
        if self.backbone_weights and self.init_weights:
            raise UserError("--init_weights overwrites --backbone_weights; choose one")
        if self.scheduler == "cosine" and self.warmup_epochs >= self.epochs:
            raise UserError(
                f"--warmup_epochs {self.warmup_epochs:g} must be less than --epochs {self.epochs}"
            )
