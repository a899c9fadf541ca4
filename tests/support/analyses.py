"""Receptive fields and similarities straight from their definitions, for small maps and few images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import permutations
from statistics import fmean
from typing import cast

import torch
from torch import Tensor

from sparx_dsl.lowering import Backbone


def finite_differences(give: Callable[[Tensor], Tensor], image: Tensor, pixels: Tensor, step: float = 1e-6) -> Tensor:
    """How the positive activations at the centre of a map change with the values of an image's pixels.

    ``give`` makes the map of images, the image is (channels, height, width), and pixels are numbers of rows and columns
    together, (pixels,). Returns (channels, pixels).
    """
    planes = torch.arange(len(image))[:, None] * image[0].numel()
    places = (planes + pixels).flatten()
    moves = step * torch.nn.functional.one_hot(places, image.numel()).to(image.dtype).view(-1, *image.shape)
    centres: list[Tensor] = []
    with torch.no_grad():
        for sign in (1, -1):
            found = give(image + sign * moves)
            height, width = found.shape[2:]
            centres.append(found[:, :, height // 2, width // 2].clamp(min=0).sum(1))
    return ((centres[0] - centres[1]) / (2 * step)).view(len(image), -1)


def outputs(model: Backbone, paths: Sequence[str], images: Tensor) -> list[Tensor]:
    """What the modules at those paths give for images: (batch, values) each."""
    found: dict[str, Tensor] = {}
    hooks = [
        model.get_submodule(path).register_forward_hook(lambda m, i, given, path=path: found.update({path: given}))
        for path in paths
    ]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return [found[path].flatten(1) for path in paths]


def hsic(first: Tensor, second: Tensor) -> float:
    """The unbiased estimate of HSIC with linear kernels, as the sums over distinct images by which it is defined."""
    one, two = (cast("list[list[float]]", (x @ x.T).tolist()) for x in (first, second))
    images = range(len(one))
    pairs = fmean(one[a][b] * two[a][b] for a, b in permutations(images, 2))
    triples = fmean(one[a][b] * two[a][c] for a, b, c in permutations(images, 3))
    fours = fmean(one[a][b] * two[c][d] for a, b, c, d in permutations(images, 4))
    return pairs + fours - 2 * triples


def mean_hsic(batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The mean over batches, each by its number of images."""
    weighted = [(len(first), hsic(first, second)) for first, second in batches]
    return sum(size * value for size, value in weighted) / sum(size for size, _ in weighted)
