"""The campaigns by name: what is attacked, how often in the test suite and in full, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.campaign.findings import Findings
from tests.campaign.raw_operators import attack_operators


@dataclass(frozen=True)
class Campaign:
    """Attacks of one kind."""

    run: Callable[[int, int], Findings]
    """Makes so many attacks from a seed."""
    few: int
    """Attacks in the test suite."""
    full: int
    """Attacks of a full run, unless another count is given."""


CAMPAIGNS: dict[str, Campaign] = {
    "operators": Campaign(attack_operators, few=450, full=50_000),
}
