"""Campaigns in several processes: every attack once, and one account of what was found."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.campaign.drawn import TOGETHER, numbered
from tests.campaign.findings import Findings
from tests.campaign.in_processes import PART, made_in_parts


def part(numbers: range, seed: int) -> Findings:
    """Attacks that note their numbers."""
    findings = Findings()
    findings.outcomes["odd" if numbers.start // PART % 2 else "even"] += len(numbers)
    findings.seen["numbers"] = {str(number) for number in numbers}
    findings.note("number", max(numbers) * seed)
    return findings


def test_every_attack_is_made_once_and_noted_once() -> None:
    """The last part is what is left; things that were seen are joined, and the largest figure is kept."""
    count, findings = made_in_parts(part, range(3, 2 * PART + 10), 3, 2, float("inf"))
    assert count == 2 * PART + 7
    assert findings.outcomes == {"even": PART + 7, "odd": PART}
    assert findings.seen == {"numbers": {str(number) for number in range(3, count + 3)}}
    assert findings.largest == {"number": 3 * (count + 2)}


def test_no_part_is_begun_when_the_time_is_over() -> None:
    """Nothing is made in no time."""
    assert made_in_parts(part, range(PART), 0, 1, 0.0) == (0, Findings())


def test_a_value_depends_on_its_number_alone() -> None:
    """Whichever others are drawn before it, and however the numbers are cut into parts."""
    whole = dict(numbered(st.integers(0, 10**9), 5, range(3 * TOGETHER)))
    parts = [range(10), range(10, TOGETHER + 3), range(TOGETHER + 3, 3 * TOGETHER)]
    assert {number: value for each in parts for number, value in numbered(st.integers(0, 10**9), 5, each)} == whole
    assert set(whole) == set(range(3 * TOGETHER))
