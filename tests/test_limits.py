"""Limits: what is larger is refused before anything is made, and what reaches them is not."""

from __future__ import annotations

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.reader.limits import Limits
from tests.support.backbones import tiny
from tests.support.work import count_calls


class AllocatedError(Exception):
    """A tensor was made."""


class NoTensors(TorchDispatchMode):
    """Makes every operation on tensors, to make one included, raise ``AllocatedError``."""

    def __torch_dispatch__(self, *given: object, **options: object) -> None:
        raise AllocatedError


HUGE = {"channels": 65536, "depth": 64, "S": 1, "M": "all", "cross_stage": "every"}


@pytest.mark.parametrize(
    ("spec", "limits", "codes"),
    [
        (tiny(), Limits(params=10_000), ["SPX402"]),
        (tiny(), Limits(buffer_bytes=1_000), ["SPX403"]),
        (tiny(), Limits(params=1, buffer_bytes=1), ["SPX402", "SPX403"]),
        (tiny(stages=[{"channels": 65536, "depth": 4}], links={}), Limits(), ["SPX402"]),
        (tiny(input={"size": 16384, "channels": 1024}), Limits(), ["SPX403"]),
        (tiny(stages=[HUGE] * 16, links={}), Limits(), ["SPX402"]),
        (tiny(stages=[HUGE | {"depth": 512}] * 16, links={}), Limits(), ["SPX401"]),
        (tiny(stages=[HUGE | {"depth": 512}] * 2, links={}), Limits(), ["SPX404"]),
        (tiny(stages=[HUGE | {"depth": 512, "M": 3}] * 2, links={}), Limits(), ["SPX402"]),
    ],
    ids=[
        "params",
        "bytes",
        "both",
        "wide",
        "large images",
        "many stages",
        "all at most",
        "deep and dense",
        "deep and sparse",
    ],
)
def test_limits_are_checked_before_anything_is_made(spec: dict[str, object], limits: Limits, codes: list[str]) -> None:
    """What is larger than the limits is refused with little work, and no tensor is made for it."""

    def refused() -> None:
        with pytest.raises(SparxError) as caught:
            sparx_dsl.build(spec, limits=limits)
        assert [diagnostic.code for diagnostic in caught.value.diagnostics] == codes

    with NoTensors():
        # A connection of two layers that cannot be takes some ten calls, and there may be a hundred thousand.
        assert count_calls(refused) < 3_000_000


def test_the_alarm_on_tensors_works() -> None:
    """A build within the limits does make tensors, and the alarm of these tests sees it."""
    with NoTensors(), pytest.raises(AllocatedError):
        sparx_dsl.build(tiny())


def test_limits_point_at_the_spec() -> None:
    """The complaints about limits stand at the stages and at the input's size."""
    text = sparx_dsl.dump_spec(sparx_dsl.parse_spec(tiny(links={})))
    with pytest.raises(SparxError) as refused:
        sparx_dsl.build(text, limits=Limits(params=1, buffer_bytes=1))
    places = [str(diagnostic.where.path) for diagnostic in refused.value.diagnostics]
    assert places == ["stages", "input.size"]
    for diagnostic, word in zip(refused.value.diagnostics, ("stages", "32"), strict=True):
        span = diagnostic.where.span
        assert span is not None
        line = text.splitlines()[span.line - 1]
        assert line[span.column - 1 : span.end_column - 1] == word


@pytest.mark.parametrize(("key", "code"), [("params", "SPX402"), ("buffer_bytes", "SPX403")])
def test_a_limit_may_be_reached_and_not_passed(key: str, code: str) -> None:
    """What costs exactly the limit is built; one less is refused."""
    spec, price = tiny(), sparx_dsl.cost(tiny())
    most = {"params": price.params, "buffer_bytes": price.peak_bytes}[key]
    exact, less = Limits(**{key: most}), Limits(**{key: most - 1})
    assert sparx_dsl.build(spec, limits=exact, device="meta")
    assert sparx_dsl.check(spec, limits=exact)
    for call in (sparx_dsl.build, sparx_dsl.check):
        with pytest.raises(SparxError) as caught:
            call(spec, limits=less)
        assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]
