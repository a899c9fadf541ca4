"""The campaigns by name: what is attacked, how often in the test suite and in full, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.campaign.broken_spaces import break_spaces
from tests.campaign.broken_specs import break_specs
from tests.campaign.deployed_specs import deploy_specs
from tests.campaign.findings import Findings
from tests.campaign.hostile_checkpoints import attack_checkpoints
from tests.campaign.killed_writers import kill_writers
from tests.campaign.large_texts import SIZES, TEXTS, attack_with_texts
from tests.campaign.raw_operators import attack_operators
from tests.campaign.same_specs import rewrite_specs
from tests.campaign.sanitized_operators import attack_sanitized
from tests.campaign.sanitized_operators import problem as sanitizers_problem
from tests.campaign.schema_agreement import compare_with_schema
from tests.campaign.valid_specs import run_specs
from tests.campaign.watched_texts import watch_texts


def no_problem() -> None:
    """What a campaign says that can be run on any machine."""


@dataclass(frozen=True)
class Campaign:
    """Attacks of one kind."""

    run: Callable[[int, int], Findings]
    """Makes so many attacks from a seed."""
    few: int
    """Attacks in the test suite."""
    full: int
    """Attacks of a full run, unless another count is given."""
    part: Callable[[range, int], Findings] | None = None
    """Makes the attacks of some numbers, where parts of a run can be made in several processes."""
    problem: Callable[[], str | None] = no_problem
    """Says why no attack can be made on this machine, where none can."""


def in_parts(part: Callable[[range, int], Findings], few: int, full: int) -> Campaign:
    """A campaign whose attacks are made by their numbers."""
    return Campaign(lambda count, seed: part(range(count), seed), few, full, part)


CAMPAIGNS: dict[str, Campaign] = {
    "operators": Campaign(attack_operators, few=450, full=50_000),
    "sanitized": Campaign(attack_sanitized, few=36, full=10_000, problem=sanitizers_problem),
    "specs": Campaign(break_specs, few=500, full=100_000),
    "checkpoints": Campaign(attack_checkpoints, few=100, full=20_000),
    "spaces": Campaign(break_spaces, few=500, full=100_000),
    "watched": Campaign(watch_texts, few=84, full=20_000),
    "texts": Campaign(attack_with_texts, few=len(TEXTS), full=len(SIZES) * len(TEXTS)),
    # With seed 0, 558 of so many attacks on writers are kills, and 160 studies are killed besides.
    "faults": Campaign(kill_writers, few=24, full=800),
    "deployed": in_parts(deploy_specs, few=4, full=2_000),
    "valid": in_parts(run_specs, few=16, full=100_000),
    "schema": Campaign(compare_with_schema, few=120, full=20_000),
    "rewritten": Campaign(rewrite_specs, few=160, full=20_000),
}
