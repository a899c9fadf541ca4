"""By how much the maps of each stage are smaller than the images, and than those of the last stage."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from sparx_dsl.language.models import SpecModel
from sparx_dsl.language.roles import DownsampleOptions, StemOptions
from sparx_dsl.language.shrinking import Shrinkings, joined


def downsampling(spec: SpecModel, index: int) -> DownsampleOptions:
    """The downsampling in front of the stage at a 0-based index, which is not the first."""
    return spec.stages[index].downsample or spec.downsample


def opening_strides(spec: SpecModel) -> tuple[int, ...]:
    """By how much the stem, and then the downsampling in front of each further stage, shrinks a map's sides."""
    downsamples = (downsampling(spec, index).total_stride for index in range(1, len(spec.stages)))
    return spec.stem.stride, *downsamples


def shrinkings_behind(stem: StemOptions, *downsamples: DownsampleOptions) -> Shrinkings:
    """How the maps behind that stem and these downsamplings are smaller than the images."""
    return joined((*stem.shrinkings, *itertools.chain(*(each.shrinkings for each in downsamples))))


def stage_shrinkings(spec: SpecModel, index: int) -> Shrinkings:
    """How the maps of the stage at that 0-based index are smaller than the images."""
    return shrinkings_behind(spec.stem, *(downsampling(spec, each) for each in range(1, index + 1)))


def stage_reduction(openings: Sequence[int], index: int) -> int:
    """The side of the maps of the stage at that 0-based index, over that of the last stage's."""
    return math.prod(openings[index + 1 :])
