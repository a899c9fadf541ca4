"""Each campaign of attacks, small: no fault, and every number of attacks made."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.campaign.campaigns import CAMPAIGNS
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
