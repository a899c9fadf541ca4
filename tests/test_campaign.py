"""Each campaign of attacks, small: no fault, and every number of attacks made."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path

import pytest

from tests.campaign.campaigns import CAMPAIGNS
from tests.campaign.deployed_specs import LAWS, Off, worst_of
from tests.campaign.killed_writers import drawn
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_small_campaign_finds_nothing(name: str) -> None:
    """What the full run would find in its first attacks; skipped where this machine allows none."""
    campaign = CAMPAIGNS[name]
    problem = campaign.problem()
    if problem is not None:
        pytest.skip(problem)
    findings = campaign.run(campaign.few, 1)
    assert findings.faults == []
    assert sum(findings.outcomes.values()) >= campaign.few


def test_without_sanitizers_nothing_counts_as_attacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without GCC, and with one that knows no path of a runtime, the campaign says why, and attacks nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    campaign, reasons = CAMPAIGNS["sanitized"], [CAMPAIGNS["sanitized"].problem()]
    assert campaign.run(3, 0).outcomes == {"not attacked, without GCC's sanitizers": 3}
    gcc = tmp_path / "gcc"
    gcc.write_text('#!/bin/sh\necho "${1#-print-file-name=}"\n', encoding="ascii")
    gcc.chmod(0o755)
    reasons.append(campaign.problem())
    assert campaign.run(3, 0).outcomes == {"not attacked, without GCC's sanitizers": 3}
    assert reasons == [
        "nothing is attacked under sanitizers: there is no gcc on the PATH",
        f"nothing is attacked under sanitizers: {gcc} has no libasan.so and no libubsan.so",
    ]


@pytest.mark.parametrize(
    ("results", "kept"),
    [
        ([Off(1e-7, 0.0, 1.0), Off(5e-6, 0.0, 1.0)], True),
        ([Off(1e-7, 0.0, 1.0), Off(math.inf, 0.0, 1.0)], False),
        ([Off(math.inf, math.inf, 0.0), Off(1e-7, 0.0, 1.0)], True),
        ([Off(4e-5, 1e-9, 1.0), Off(1e-5, 1e-5, 1.0)], False),
        ([Off(4e-5, 1e-5, 1.0), Off(0.0, 0.0, 0.0)], True),
    ],
)
def test_every_result_of_a_deployed_backbone_is_judged_by_its_own(results: list[Off], kept: bool) -> None:
    """None hides behind another; one that is not finite is a fault unless the plain backbone's is not either."""
    error, granted = worst_of([results], LAWS["float32"])
    assert (error <= granted) == kept


def test_a_full_run_kills_500_writers() -> None:
    """At random instants, besides the studies that are killed."""
    kills = [drawn(random.Random(f"0 {number}")) == "kill" for number in range(CAMPAIGNS["faults"].full)]
    assert sum(kills) >= 500


def test_the_page_shows_every_campaign() -> None:
    """Each has its place on the page, with the command that makes its figures again."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    for name in CAMPAIGNS:
        found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page, re.DOTALL)
        assert found is not None
        assert f"python -m tests.campaign {name} --count" in found[1]
