"""Effective receptive fields (Luo et al. 2016): on which pixels the centre of a stage's map really depends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparx_dsl.analysis.subjects import analysed, in_evaluation, invalid, suited
from sparx_dsl.lowering import Backbone
from sparx_dsl.schedule import Run


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The effective receptive field of one stage's last map, averaged over images."""

    model: str
    """The name of the backbone."""
    stage: int
    """From 1."""
    scores: Tensor
    """(height, width) of the images, float64: what each pixel contributes to the centre."""
    images: int
    """How many images it is averaged over."""

    def area(self, part: float) -> float:
        """The share of the image that the smallest square around its centre takes that has this part of the scores.

        Both lie between 0 and 1; NaN where no pixel contributes. An image that is not square has a rectangle of its own
        shape in place of the square. Raises ``ValueError`` for a part outside (0, 1].
        """
        if not 0 < part <= 1:
            raise ValueError(f"a part lies in (0, 1], and {part} does not")
        height, width = self.scores.shape
        total = float(self.scores.sum())
        if total == 0:
            return float("nan")
        # How far a pixel is from the centre, as a part of the way to the border: the side of its square.
        rows, columns = (_distances(side) for side in (height, width))
        sides = torch.maximum(rows[:, None], columns[None, :]).flatten()
        order = sides.argsort(stable=True)
        reached = self.scores.flatten()[order].cumsum(0) >= part * total * (1 - 1e-12)
        side = float(sides[order][int(reached.int().argmax())])
        return min(1.0, side * side)


def effective_receptive_field(
    model: nn.Module,
    images: Iterable[Tensor],
    stages: Sequence[int] | None = None,
    name: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[ReceptiveField, ...]:
    """The effective receptive field of stages, all by default, as the paper's Figure 4 shows it.

    ``images`` are batches (batch, channels, height, width) of one size. For each image the activations at the centre of
    a stage's last map are summed over channels; a pixel's score is the sum over colours of the gradient of that sum;
    scores are averaged over images. Only positive activations and positive gradients count, as in the published code of
    RepLKNet (Ding et al. 2022), which VMamba's is. The model is in evaluation while it runs, keeps its modes, and
    collects no gradients. ``name`` is by default the spec's. ``progress`` is given a line for each
    batch. Raises ``SparxError`` (SPX322 for stages that are not there, SPX590 for images that do not suit, and those of
    a model that is no backbone).
    """
    backbone = analysed(model)
    wanted = _stages(backbone) if stages is None else tuple(stages)
    called = backbone.spec.name if name is None else name
    totals: list[Tensor] | None = None
    count = 0
    with in_evaluation(backbone):
        for batch in images:
            pixels = suited(batch, backbone)
            found = _scores(backbone, pixels, wanted)
            if totals is not None and totals[0].shape != found[0].shape:
                sizes = " and ".join("×".join(map(str, one[0].shape)) for one in (totals, found))
                raise invalid(f"receptive fields are averaged over images of one size, got {sizes}")
            totals = found if totals is None else [sum_ + one for sum_, one in zip(totals, found, strict=True)]
            count += len(pixels)
            if progress is not None:
                progress(f"{called}: {count} images")
    if totals is None or not count:
        raise invalid("receptive fields are averaged over images, and none were given", "give at least one batch")
    return tuple(ReceptiveField(called, stage, one / count, count) for stage, one in zip(wanted, totals, strict=True))


def _stages(backbone: Backbone) -> tuple[int, ...]:
    """The stages that a backbone runs, which may have been built for the maps of the first ones alone."""
    graph = backbone.schedule.graph
    nodes = (graph.node(step.node) for step in backbone.schedule.steps if isinstance(step, Run))
    return tuple(dict.fromkeys(node.stage for node in nodes if node.role == "layer"))


@torch.enable_grad()
def _scores(backbone: Backbone, images: Tensor, stages: tuple[int, ...]) -> list[Tensor]:
    """For each stage the scores (height, width), summed over a batch of images (batch, channels, height, width)."""
    pixels = images.requires_grad_()
    maps = backbone.stage_maps(pixels, stages)
    found: list[Tensor] = []
    for place, stage in enumerate(stages):
        height, width = maps[stage].shape[2:]
        centre = maps[stage][:, :, height // 2, width // 2].relu().sum()
        (gradient,) = torch.autograd.grad(centre, pixels, retain_graph=place + 1 < len(stages))
        found.append(gradient.relu().double().sum((0, 1)).cpu())
    return found


def _distances(side: int) -> Tensor:
    """For each of so many pixels the side, as a part of the whole, of the centred square that just holds it."""
    place = torch.arange(side, dtype=torch.float64)
    return (2 * (place - (side - 1) / 2).abs() + 1) / side
