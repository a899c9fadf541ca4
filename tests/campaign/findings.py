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
    seen: dict[str, set[str]] = field(default_factory=dict[str, "set[str]"])
    """Different things that were seen, of which the page says how many."""
    largest: dict[str, float] = field(default_factory=dict[str, float])
    """The largest of many figures, each relative to the largest value of a result."""
    faults: list[str] = field(default_factory=list[str])
    """Each attack that broke the law, with what makes it again."""

    def add(self, other: Findings) -> None:
        """Take over what a part of the campaign found."""
        self.outcomes.update(other.outcomes)
        self.measured.update(other.measured)
        for name, things in other.seen.items():
            self.seen.setdefault(name, set()).update(things)
        for name, figure in other.largest.items():
            self.note(name, figure)
        self.faults.extend(other.faults)

    def note(self, name: str, figure: float) -> None:
        """Keep a figure where it is the largest of its name."""
        self.largest[name] = max(self.largest.get(name, 0.0), figure)
