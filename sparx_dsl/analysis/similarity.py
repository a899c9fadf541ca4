"""Similarity of layers by centred kernel alignment (CKA, Kornblith et al. 2019), from minibatches of images.

Each batch gives an unbiased estimate of the Hilbert-Schmidt independence criterion (HSIC, Song et al. 2012) for every
pair of layers, and the estimates are averaged (Nguyen et al. 2021), so that no more than one batch's features of one
layer are held at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparx_dsl.analysis.image_folder import LEAST_BATCH
from sparx_dsl.analysis.subjects import analysed, in_evaluation, invalid, suited
from sparx_dsl.lowering import Backbone
from sparx_dsl.schedule import Run


@dataclass(frozen=True, slots=True)
class ComparedLayer:
    """A layer whose mixer's output is compared."""

    model: int
    """The place of its backbone among those given, from 0."""
    name: str
    """The name of the backbone."""
    layer: str
    """As in ``stage3.layer4``."""


@dataclass(frozen=True, slots=True)
class LayerSimilarity:
    """Centred kernel alignment between all layers of some backbones."""

    layers: tuple[ComparedLayer, ...]
    """In the order of rows and columns."""
    values: Tensor
    """(layers, layers), float64: 1 for layers whose outputs are alike up to rotation and scale.

    Estimates of small similarities may lie below 0. NaN where the outputs of a layer do not vary.
    """
    images: int
    """How many images they are estimated from."""

    def between(self, first: int, second: int) -> Tensor:
        """The similarities between the layers of two backbones, given by their places; (layers, layers)."""
        rows, columns = (
            [place for place, layer in enumerate(self.layers) if layer.model == model] for model in (first, second)
        )
        return self.values[rows][:, columns]


def layer_similarity(
    models: Sequence[nn.Module],
    images: Iterable[Tensor],
    names: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> LayerSimilarity:
    """Compare what the mixers of all layers of some backbones give, within each and across, as the paper's Figure 5.

    ``images`` are batches (batch, channels, height, width) of at least four; a batch counts by its images. ``names``
    are by default those of the specs. The models are in evaluation while it runs, and keep their modes. ``progress``
    is given a line for each batch. Raises ``SparxError`` (SPX590 for images that do not suit, and those of a model that
    is no backbone).
    """
    backbones = [analysed(model) for model in models]
    if not backbones:
        raise invalid("layers of backbones are compared, and none were given", "give at least one backbone")
    own_names = [backbone.spec.name for backbone in backbones]
    layers = tuple(
        ComparedLayer(place, called, name)
        for place, (called, backbone) in enumerate(zip(names or own_names, backbones, strict=True))
        for name in mixers(backbone)
    )
    total = torch.zeros(len(layers), len(layers), dtype=torch.float64)
    count = 0
    with in_evaluation(*backbones), torch.no_grad():
        for batch in images:
            grams = [gram for backbone in backbones for gram in _grams(backbone, suited(batch, backbone))]
            size = len(batch)
            if size < LEAST_BATCH:
                message = f"a batch of {size} images is too small for an unbiased estimate of similarity"
                raise invalid(message, f"give batches of at least {LEAST_BATCH} images")
            total += size * unbiased_hsic(torch.stack(grams))
            count += size
            if progress is not None:
                progress(f"{count} images")
    if not count:
        raise invalid("layers are compared on images, and none were given", "give at least one batch")
    own = total.diagonal()
    scale = torch.where(own > 0, own, torch.nan).sqrt()
    return LayerSimilarity(layers, total / (scale[:, None] * scale[None, :]), count)


def unbiased_hsic(grams: Tensor) -> Tensor:
    """The unbiased estimate of HSIC between all of some Gram matrices (count, n, n), n ≥ 4; gives (count, count).

    Song et al. 2012, equation 5: it leaves the diagonals out.
    """
    n = grams.shape[1]
    inner = grams - torch.diag_embed(grams.diagonal(dim1=1, dim2=2))
    rows = inner.sum(2)
    sums = rows.sum(1)
    traces = inner.flatten(1) @ inner.flatten(1).T  # of products: the matrices are symmetric
    corrected = traces + sums[:, None] * sums[None, :] / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows @ rows.T)
    return corrected / (n * (n - 3))


def _grams(backbone: Backbone, images: Tensor) -> list[Tensor]:
    """The Gram matrix (batch, batch) of what the mixer of each layer gives for a batch of images, in float64."""
    found: dict[str, Tensor] = {}
    with _hooked(backbone, found):
        backbone(images)
    return [found[name] for name in mixers(backbone)]


def mixers(backbone: Backbone) -> dict[str, str]:
    """For each layer that a backbone runs, in order, the path of its mixer."""
    steps = (step for step in backbone.schedule.steps if isinstance(step, Run) and step.part == "mixer")
    return {step.node: f"{step.module}.mixer" for step in steps}


@contextlib.contextmanager
def _hooked(backbone: Backbone, found: dict[str, Tensor]) -> Generator[None]:
    """While it lasts, ``found`` is given a Gram matrix by every mixer that is called."""

    def record(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            found[name] = gram(output)

        return hook

    hooks = [
        backbone.get_submodule(path).register_forward_hook(record(name))  # pyright: ignore[reportUnknownMemberType]
        for name, path in mixers(backbone).items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def gram(features: Tensor) -> Tensor:
    """The inner products of features (batch, …) between images, in float64 on the CPU: (batch, batch).

    The mean over the batch is subtracted first. It changes no estimate of HSIC, and keeps digits where it is large.
    """
    rows = features.flatten(1)
    rows = rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows
    centred = rows - rows.mean(0)
    return (centred @ centred.T).double().cpu()
