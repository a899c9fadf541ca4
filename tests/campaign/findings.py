"""What a campaign found: how many attacks ended in which way, what was measured, and every fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Findings:
    """Filled while a campaign runs."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    """How many attacks ended in which way."""
    measured: dict[str, str] = field(default_factory=dict[str, str])
    """Figures besides, each with its unit."""
    faults: list[str] = field(default_factory=list[str])
    """Each attack that broke the law, with what makes it again."""

    def add(self, other: Findings) -> None:
        """Take over what a part of the campaign found."""
        self.outcomes.update(other.outcomes)
        self.measured.update(other.measured)
        self.faults.extend(other.faults)
