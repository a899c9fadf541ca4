"""A recipe of training as a YAML file, such as ``examples/recipes/imagenet.yaml``, and what it makes for a backbone."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import sparx_dsl
from sparx_dsl.integrations.required import import_torchvision

import_torchvision()  # before timm does

from timm.optim import create_optimizer_v2  # noqa: E402  # pyright: ignore[reportPrivateImportUsage]
from timm.scheduler.cosine_lr import CosineLRScheduler  # noqa: E402
from torch import nn, optim  # noqa: E402

RECIPES = Path(__file__).with_name("recipes")
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Rate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Alpha = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Recipe(BaseModel):
    """How to train; every key of the file, and no default, so that a file says all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: Count
    """Images of a step, over all processes."""
    epochs: Count
    lr: Rate
    """Learning rate after the warm-up, for this batch."""
    min_lr: Rate
    """Learning rate at the end."""
    warmup_lr: Rate
    """Learning rate of the first step."""
    warmup_epochs: Annotated[int, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
    clip_norm: Rate | None
    """The largest norm of all gradients together; None for no limit."""
    ema_decay: Share | None
    """Decay of the moving average of the weights for each step; None for no average."""
    drop_path: dict[str, Share]
    """Rates by a pattern of the spec's name; the first that matches is taken."""
    smoothing: Share
    """Label smoothing."""
    mixup: Alpha
    """Alpha of mixup; 0 for none."""
    cutmix: Alpha
    """Alpha of CutMix; 0 for none."""
    mix_switch: Annotated[float, Field(ge=0, le=1)]
    """Probability of CutMix rather than mixup where there are both."""
    auto_augment: str | None
    """A policy in timm's notation."""
    color_jitter: Annotated[float, Field(ge=0, le=1)]
    """How far brightness, contrast and saturation vary where there is no ``auto_augment``."""
    erase: Annotated[float, Field(ge=0, le=1)]
    """Probability that a rectangle of an image becomes noise."""
    interpolation: Literal["random", "bilinear", "bicubic"]
    repeats: Annotated[int, Field(ge=1, le=16)]
    """How often an image stands in an epoch, each time augmented differently; an epoch has fewer images for it."""
    crop: Annotated[float, Field(gt=0, le=1)]
    """The part of an image's side that validation sees."""
    precision: Literal["bfloat16", "float32"]
    """The dtype of autocast; weights, gradients and the optimizer are float32."""
    seed: Annotated[int, Field(ge=0, lt=2**32)]

    @property
    def mixes(self) -> bool:
        """Whether images of a batch are mixed with each other."""
        return self.mixup > 0 or self.cutmix > 0


def load_recipe(path: Path, **changes: float | None) -> Recipe:
    """The recipe of a file, with the values of ``changes`` that are not None.

    Raises ``ValueError`` with one line for each error of the file, and ``OSError`` where it cannot be read.
    """
    try:
        keys: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
    if not isinstance(keys, dict):
        raise ValueError(f"{path} must be a mapping of a recipe's keys, such as batch: 1024")
    try:
        return Recipe.model_validate(keys | {key: value for key, value in changes.items() if value is not None})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise ValueError("\n".join([f"{path} is not a recipe:", *lines])) from None


def spec_for(source: str | Path, recipe: Recipe, classes: int, drop_path: float | None = None) -> sparx_dsl.Spec:
    """The spec to train: for that many classes, with the recipe's drop path for its name, or the given one."""
    spec = sparx_dsl.load_spec(source)
    by_name = [rate for pattern, rate in recipe.drop_path.items() if fnmatchcase(spec.name, pattern)]
    rate = by_name[0] if drop_path is None and by_name else drop_path
    return spec.edit({"head.classes": classes} | ({} if rate is None else {"drop_path": rate}))


def optimizer_for(model: nn.Module, recipe: Recipe) -> optim.Optimizer:
    """AdamW; norms, biases and the scans' own parameters do not decay."""
    groups = sparx_dsl.param_groups(model, weight_decay=recipe.weight_decay)
    return create_optimizer_v2(groups, opt="adamw", lr=recipe.lr, weight_decay=recipe.weight_decay)


def schedule_for(optimizer: optim.Optimizer, recipe: Recipe, epoch_steps: int) -> CosineLRScheduler:
    """The rate of each step: a linear warm-up, then a cosine; it depends on the step's number alone."""
    return CosineLRScheduler(
        optimizer,
        t_initial=recipe.epochs * epoch_steps,
        lr_min=recipe.min_lr,
        warmup_t=recipe.warmup_epochs * epoch_steps,
        warmup_lr_init=recipe.warmup_lr,
        t_in_epochs=False,
    )
