"""Tensors die in a run of the compiled module where the schedule says."""

from __future__ import annotations

from hypothesis import given, settings

import sparx_dsl
from sparx_dsl.lowering import Backbone
from tests.support.backbones import tiny
from tests.support.compiled import backbones, images_for, naive
from tests.support.witness import witness


@settings(max_examples=25, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=4))
def test_memory_dies_where_the_plan_says(backbone: Backbone) -> None:
    """Whenever a step begins, exactly the memory of the planned buffers is alive, each of its planned size."""
    with witness(backbone.eval()) as seen:
        backbone(images_for(backbone.spec))
    assert seen.complaints == []
    assert set(seen.born) | {"images"} == set(backbone.schedule.buffers)


def test_the_witness_sees_a_run_that_keeps_everything() -> None:
    """A run that frees nothing does not pass for the compiled one."""
    backbone = sparx_dsl.build(tiny()).eval()
    with witness(backbone) as seen:
        naive(backbone, images_for(backbone.spec))
    assert len(seen.complaints) > 5
    assert all(" more, [] less" in complaint for complaint in seen.complaints)
