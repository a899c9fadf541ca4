"""Specs and spaces from files under an audit hook: to read one runs nothing, imports nothing and opens nothing else.

    python -m tests.campaign.watched_texts SEED COUNT FOLDER

Prints one JSON object; a process of its own, since the hook stays for its life.
"""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sparx_dsl
from sparx_dsl.kind import load
from sparx_dsl.registry import default_registry
from tests.campaign import broken_spaces
from tests.campaign.broken_specs import mutants
from tests.campaign.drawn import drawn
from tests.campaign.findings import Findings
from tests.campaign.watched import Watch
from tests.support.paths import ROOT
from tests.support.spec_paths import dumped, paths, value_at
from tests.support.strategies import spec_mappings

POISON = (
    "os.system", "__import__('os').system('touch mark')", "$(touch mark)", "`touch mark`", "{{ 7 * 7 }}", "${PATH}",
    "../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "https://example.com/spec.yaml", "torch.nn:Linear",
    "sparx_dsl.kinds.mixers.ss2d", "%s%n", "\x00", "CON", "~/.ssh/id_rsa", "antigravity", "this.yaml", "..", "a" * 5000,
)  # fmt: skip
"""Texts that somebody's loader runs, imports, opens or fetches."""
WARM = 60
"""Texts before the count, which bring in what is imported when it is first needed."""


def watch_texts(count: int, seed: int) -> Findings:
    """Read so many files in another process, and say what it saw."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.campaign.watched_texts", str(seed), str(count), folder]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return Findings(faults=[f"seed {seed}: ended with {done.returncode}: {done.stderr[-2000:]}"])
    report = json.loads(done.stdout)
    return Findings(outcomes=Counter(report["outcomes"]), faults=report["faults"])


def texts(seed: int) -> Iterator[tuple[str, str]]:
    """Without end: specs, specs that are broken, spaces that are broken, and some with a poisonous text."""
    for number, spec in enumerate(drawn(spec_mappings(most_stages=2, deepest=3), seed)):
        rng = random.Random(f"{seed} texts {number}")
        yield "spec", dumped(spec)
        yield "broken spec", rng.choice(mutants(spec, rng))[1].text
        yield "poisoned spec", dumped(poisoned(spec, rng))
        yield "extending spec", dumped({"extends": rng.choice(POISON), "name": "x"})
        yield "broken space", broken_spaces.broken(rng)[1]
        yield "poisoned space", dumped(poisoned(broken_spaces.SPACE, rng))
        based = {key: value for key, value in broken_spaces.SPACE.items() if key != "spec"}
        yield "based space", dumped({**based, "base": rng.choice(POISON)})


def poisoned(values: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The values with a text that is to run in one place, as a value or as a key."""
    made = copy.deepcopy(values)
    path = rng.choice(list(paths(made)))
    holder, last = value_at(made, path[:-1]), path[-1]
    if isinstance(holder, dict) and rng.random() < 0.3:
        holder[rng.choice(POISON)] = holder.pop(last)
    else:
        holder[last] = rng.choice(POISON)
    return made


def main(seed: int, count: int, folder: Path) -> None:
    """Read files one after another, and print how they were answered and what was seen."""
    findings, watch = Findings(), Watch()
    for kind in default_registry():  # What is imported when a kind is first met is the kind's own.
        for facet in (kind.cost, kind.diagram):
            if facet is not None:
                load(facet)
    for number, (name, text) in zip(range(-WARM, count), texts(seed), strict=False):
        path = folder / "given.yaml"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        with watch.over([path]) as seen:
            outcome = answer(path, space="space" in name)
        if number < 0:
            continue
        findings.outcomes[f"{name}: {outcome.partition(':')[0]}"] += 1
        left = [each.name for each in folder.iterdir() if each != path]
        faults = [*seen, *(f"{each} was made" for each in left), *([outcome] if "exception" in outcome else [])]
        findings.faults += [f"{name}, text {number} of seed {seed}: {fault}" for fault in faults]
    print(json.dumps({"outcomes": findings.outcomes, "faults": findings.faults}))


def answer(path: Path, *, space: bool) -> str:
    """What is said to a file: of a spec its connections, plan, prices and picture, of a space its points."""
    try:
        if space:
            sparx_dsl.load_space(path).sample(0)
        else:
            spec = sparx_dsl.load_spec(path)
            str(sparx_dsl.plan(sparx_dsl.connect(spec)))
            sparx_dsl.cost(spec)
            sparx_dsl.dump_spec(spec)
            sparx_dsl.draw(spec)
    except sparx_dsl.SparxError as error:
        sparx_dsl.render_diagnostics(error.diagnostics)
        return "refused"
    except Exception:
        return f"another exception: {traceback.format_exc()[-1500:]}"
    return "accepted"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
