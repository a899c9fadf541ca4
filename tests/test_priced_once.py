"""A command prices a schedule once, and hands the price on."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import sparx_dsl
from sparx_dsl.cli.main import main
from sparx_dsl.pricing import price_schedule

SPEC = str(Path(__file__).parent.parent / "specs" / "sparx_swin_t.yaml")


def calls_of(function: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Counter[object]:
    """How often ``sparx`` with these arguments calls a function, by the image's size of the schedule it is given."""
    found: Counter[object] = Counter()

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code is function.__code__:
            found[frame.f_locals["schedule"].size] += 1

    monkeypatch.setattr(sys, "argv", ["sparx", *arguments])
    sys.setprofile(watch)
    try:
        with pytest.raises(SystemExit):
            main()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("emit", ["summary", "json", "python"])
def test_a_schedule_is_priced_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], emit: str
) -> None:
    """The checks, the compiler and the table share one price; only another schedule has another."""
    assert {(224, 224): 1} == calls_of(price_schedule, monkeypatch, "compile", SPEC, "--emit", emit)
    sizes = calls_of(price_schedule, monkeypatch, "compile", SPEC, "--emit", emit, "--size", "96")
    assert {(96, 96): 1} == sizes if emit == "json" else {(96, 96): 1, (224, 224): 1} == sizes
    assert {(224, 224): 1} == calls_of(price_schedule, monkeypatch, "check", SPEC)
    assert {(224, 224): 1} == calls_of(price_schedule, monkeypatch, "cost", SPEC)
    capsys.readouterr()


def test_a_price_stands_for_its_schedule() -> None:
    """What is made of a price is what is made of the schedule."""
    schedule = sparx_dsl.plan(SPEC, (96, 64), 2, "bfloat16")
    price = sparx_dsl.check_prices(schedule)
    assert sparx_dsl.cost(SPEC, (96, 64), 2, "bfloat16").rows == price.rows
    assert sparx_dsl.check_prices(price) is price
    assert sparx_dsl.summary(schedule) == sparx_dsl.summary(price)
    assert sparx_dsl.report(schedule) == sparx_dsl.report(price)
    assert sparx_dsl.build(SPEC, device="meta").code == sparx_dsl.build(price, device="meta").code


def test_a_price_is_checked_again() -> None:
    """A price that was made without limits is held to those of the call."""
    price = sparx_dsl.cost(SPEC)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.build(price, device="meta", limits=sparx_dsl.Limits(params=1000))
    assert ["SPX402"] == [mistake.code for mistake in caught.value.diagnostics]
