"""Each campaign of attacks, small: no fault, and every number of attacks made."""

from __future__ import annotations

import re

import pytest

from tests.campaign.campaigns import CAMPAIGNS
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_small_campaign_finds_nothing(name: str) -> None:
    """What the full run would find in its first attacks."""
    campaign = CAMPAIGNS[name]
    findings = campaign.run(campaign.few, 1)
    assert findings.faults == []
    assert sum(findings.outcomes.values()) >= campaign.few


def test_the_page_shows_every_campaign() -> None:
    """Each has its place on the page, with the command that makes its figures again."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    for name in CAMPAIGNS:
        found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page, re.DOTALL)
        assert found is not None
        assert f"python -m tests.campaign {name} --count" in found[1]
