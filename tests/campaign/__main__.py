"""Run one campaign in full, ``python -m tests.campaign NAME --count N --seed S``, or all one after another: ``all``.

Prints its figures and every fault, and with ``--write`` puts them into ``docs/reliability.md``. Ends with status 1
where there are faults. Some campaigns can be made by several processes, ``--processes N``, go on from an attack where
another run ended, ``--first K``, and end early, ``--seconds N``: the count is then what was done.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.campaign.campaigns import CAMPAIGNS
from tests.campaign.in_processes import made_in_parts
from tests.campaign.page import report, update
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "reliability.md"


ALL = "all"


def main() -> int:
    """Run the campaigns that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("name", choices=[*sorted(CAMPAIGNS), ALL])
    parser.add_argument("--count", type=int, help="how many attacks (default: a full run)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first attack of some campaigns")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    parser.add_argument("--processes", type=int, default=1, help="how many processes share the attacks")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to begin no more of them")
    given = parser.parse_args()
    names = sorted(CAMPAIGNS) if given.name == ALL else [given.name]
    whole = [name for name in names if CAMPAIGNS[name].part is None]
    if given.first and whole:
        parser.error(f"the campaign {whole[0]} cannot begin with attack {given.first}: leave out --first")
    # Each prints its figures when it ends, also where an earlier one has found faults.
    return max([run(name, given) for name in names])


def run(name: str, given: argparse.Namespace) -> int:
    """Run one campaign and print what it found; 1 where there are faults."""
    campaign = CAMPAIGNS[name]
    count = campaign.full if given.count is None else given.count
    begun = time.monotonic()
    if campaign.part is None:
        findings = campaign.run(count, given.seed)
    else:
        numbers = range(given.first, given.first + count)
        count, findings = made_in_parts(campaign.part, numbers, given.seed, given.processes, given.seconds)
    first = f" --first {given.first}" if given.first else ""
    command = f"python -m tests.campaign {name} --count {count} --seed {given.seed}{first}"
    text = report(command, time.monotonic() - begun, findings)
    print(text, flush=True)
    for fault in findings.faults:
        print(fault, file=sys.stderr)
    if given.write:
        update(PAGE, name, text)
    return 1 if findings.faults else 0


if __name__ == "__main__":
    sys.exit(main())
