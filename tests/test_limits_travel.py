"""Limits travel with a spec, and with all that is made of it."""

from __future__ import annotations

from typing import Any

import pytest

import sparx_dsl
from sparx_dsl import Limits, SparxError
from sparx_dsl.language.base import MAX_SIDE

MANY = Limits(layers_in_total=2000, connections=200_000)


def stages(*given: dict[str, Any]) -> dict[str, Any]:
    """A backbone of these stages."""
    return {
        "sparx": 1, "name": "limited", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}},
        "stages": list(given), "input": {"size": 16},
    }  # fmt: skip


DEEP = stages(*({"channels": 8, "depth": 500} for _ in range(3)))
"""1,500 layers, more than a spec may have unless the caller says so."""
DENSE = stages({"channels": 8, "depth": 8, "S": 1})
"""8 ganglion layers that read 1 + 1 + 2 + … + 7 = 29 features."""


def codes(call: Any) -> list[str]:
    """The codes with which a call is refused."""
    with pytest.raises(SparxError) as caught:
        call()
    return [mistake.code for mistake in caught.value.diagnostics]


def test_a_spec_carries_the_limits_within_which_it_was_read() -> None:
    """What is read under raised limits is edited, connected, planned, priced and pickled under them."""
    assert codes(lambda: sparx_dsl.parse_spec(DEEP)) == ["SPX401"]
    spec = sparx_dsl.parse_spec(DEEP, limits=MANY)
    edited = spec.edit({"stages.2.depth": 490})
    assert edited.limits == spec.limits == MANY
    assert len(sparx_dsl.connect(edited).layers()) == 1490
    assert len(spec.insert_layer("stage1", 3).spec.resolved[0].layers) == 501
    assert sparx_dsl.prices(edited) == sparx_dsl.cost(edited).totals


def test_an_edit_beyond_the_limits_of_its_spec_is_refused() -> None:
    """An edit is held to the limits of the spec, whichever they are."""
    spec = sparx_dsl.parse_spec(DENSE, limits=Limits(layers_in_total=8))
    assert codes(lambda: spec.edit({"stages.1.depth": 9})) == ["SPX401"]


@pytest.mark.parametrize(("most", "refused"), [(28, ["SPX404"]), (29, [])])
def test_connections_are_counted_to_the_limit(most: int, refused: list[str]) -> None:
    """As many features as the limit says may be read, and not one more, by every way to say it."""
    limits = Limits(connections=most)
    ways: tuple[Any, ...] = (
        lambda: sparx_dsl.check(DENSE, limits=limits),
        lambda: sparx_dsl.check(sparx_dsl.parse_spec(DENSE), limits=limits),
        lambda: sparx_dsl.check(sparx_dsl.connect(DENSE), limits=limits),
        lambda: sparx_dsl.connect(sparx_dsl.parse_spec(DENSE, limits=limits)),
        lambda: sparx_dsl.prices(sparx_dsl.parse_spec(DENSE, limits=limits)),
        lambda: sparx_dsl.build(DENSE, limits=limits, device="meta"),
    )
    for way in ways:
        if refused:
            assert codes(way) == refused
        else:
            way()


def test_a_call_with_wider_limits_goes_beyond_those_of_the_spec() -> None:
    """Limits given to a call replace the spec's."""
    spec = sparx_dsl.parse_spec(DENSE, limits=Limits(connections=28))
    assert codes(lambda: sparx_dsl.check(spec)) == ["SPX404"]
    assert sparx_dsl.check(spec, limits=Limits()).graph.spec.limits == Limits()


def test_a_space_keeps_to_the_limits_of_its_base() -> None:
    """The points of a space are specs within the limits with which the space was read."""
    space = sparx_dsl.parse_space(
        {"space": 1, "name": "deep", "spec": DEEP, "choices": {"stages.1.depth": [400, 500]}}, limits=MANY
    )
    assert space.count == 2
    assert space.spec(space.sample(0)).limits == MANY


def test_a_space_made_of_a_spec_keeps_to_its_limits() -> None:
    """``make_space`` reads choices within the limits of the base, be they wider or narrower."""
    deep = sparx_dsl.make_space(sparx_dsl.parse_spec(DEEP, limits=MANY), {"stages.1.depth": [400, 500]})
    assert deep.spec(deep.sample(0)).limits == MANY
    dense = sparx_dsl.parse_spec(DENSE, limits=Limits(nodes=60))
    assert codes(lambda: sparx_dsl.make_space(dense, {"stages.1.depth": list(range(1, 60))})) == ["SPX003"]


@pytest.mark.parametrize("call", [sparx_dsl.plan, sparx_dsl.cost, sparx_dsl.prices])
def test_one_limit_for_the_side_of_an_image(call: Any) -> None:
    """Specs and calls have the same largest side."""
    assert codes(lambda: sparx_dsl.parse_spec({**DENSE, "input": {"size": MAX_SIDE + 1}})) == ["SPX104"]
    assert codes(lambda: call(DENSE, (MAX_SIDE + 1, 8))) == ["SPX320"]
    assert call(DENSE, (MAX_SIDE, 8)) is not None
