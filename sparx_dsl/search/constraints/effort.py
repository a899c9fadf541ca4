"""How much is tried to put a space into tables: a short text may ask for very many combinations of values."""

from __future__ import annotations

from dataclasses import dataclass

MAX_STEPS = 500_000
"""Steps of all tables together; a step takes some microseconds."""


@dataclass
class Effort:
    """Counts the steps that are left."""

    left: int = MAX_STEPS

    def allows(self, steps: int) -> bool:
        """Whether so many steps are left; where they are, they count as taken."""
        if steps > self.left:
            return False
        self.left -= steps
        return True
