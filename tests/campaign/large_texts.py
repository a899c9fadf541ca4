"""Texts of up to 1 MiB made to take long or much memory: a spec is answered in one second of CPU, a space in five.

Both in 256 MB.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial

import sparx_dsl
from sparx_dsl.search import parse_space
from tests.campaign.bounds import CHOICE, most_seconds
from tests.campaign.findings import Findings
from tests.campaign.short_spaces import LARGE_CHOICES, SHORT_SPACES
from tests.support.paths import ROOT
from tests.support.peak_memory import forget_peak_memory, peak_memory

MEGABYTES = 256
SIZES = (2**14, 2**18, 2**20)
"""Bytes of a text, round after round."""
HEAD = "sparx: 1\nname: big\ninput: {size: 32}\nstem: {kind: conv}\nlayer: {mixer: {kind: ss2d}}\n"
STAGES = "stages: [{channels: 8, depth: 2, S: 2}]\n"
SPACE = (
    f"space: 1\nspec: {{sparx: 1, name: x, stem: {{kind: patch}}, layer: {{mixer: {{kind: ssm}}}}, {STAGES.strip()}}}\n"
)


def filled(unit: Callable[[int], str], size: int, before: str = "", after: str = "") -> str:
    """A text of about that many bytes: numbered units between a beginning and an end."""
    parts, length, number = [before], len(before) + len(after), 0
    while length < size - 64:
        parts.append(unit(number))
        length += len(parts[-1].encode())
        number += 1
    return "".join([*parts, after])


def large_choice(choice: str, size: int) -> str:
    """A space around a published backbone with one choice, whatever the size of other texts."""
    return f"space: 1\nbase: sparx_mamba_t\nchoices:\n  {choice}\n"


Text = Callable[[int], str]
TEXTS: dict[str, Text] = {
    "one scalar": lambda size: HEAD.replace("big", "x" * size) + STAGES,
    "a quoted scalar": lambda size: HEAD.replace("big", '"' + "\\u00e9" * (size // 6) + '"') + STAGES,
    "a block scalar": lambda size: HEAD.replace("big", "|\n" + "  x\n" * (size // 4)) + STAGES,
    "one key": lambda size: HEAD + STAGES + "x" * size + ": 1\n",
    "one number": lambda size: HEAD + "drop_path: " + "9" * size + "\n" + STAGES,
    "a fraction": lambda size: HEAD + "drop_path: 0." + "0" * size + "1\n" + STAGES,
    "a comment": lambda size: HEAD + "#" * size + "\n" + STAGES,
    "comments": lambda size: filled(lambda n: f"# {n}\n", size, HEAD, STAGES),
    "blank lines": lambda size: HEAD + "\n" * size + STAGES,
    "spaces": lambda size: HEAD + " " * size + "\n" + STAGES,
    "tabs": lambda size: HEAD + "\t" * size + STAGES,
    "carriage returns": lambda size: HEAD + "\r" * size + STAGES,
    "documents": lambda size: "---\n" * (size // 4),
    "directives": lambda size: filled(lambda n: f"%TAG !{n}! tag:x,{n}:\n", size, "", "---\n" + HEAD + STAGES),
    "brackets": lambda size: "[" * size,
    "closed brackets": lambda size: "[" * (size // 2) + "]" * (size // 2),
    "braces": lambda size: "{a: " * (size // 4),
    "dashes": lambda size: "- " * (size // 2),
    "question marks": lambda size: "? " * (size // 2),
    "quotes": lambda size: "'" * size,
    "percent signs": lambda size: "%" * size,
    "invisible characters": lambda size: "\u200b" * (size // 3),
    "control characters": lambda size: "\x07" * size,
    "half characters": lambda size: '"' + "\\ud800" * (size // 6) + '"',
    "indentation": lambda size: filled(lambda n: " " * (n % 900) + f"a{n}:\n", size),
    "anchors": lambda size: filled(lambda n: f"a{n}: &a{n} 1\n", size, HEAD),
    "aliases": lambda size: filled(lambda n: f"a{n}: *a\n", size, HEAD + "a: &a 1\n"),
    "tags": lambda size: filled(lambda n: f"a{n}: !!t{n} 1\n", size, HEAD),
    "merge keys": lambda size: filled(lambda n: "<<: {a: 1}\n", size, HEAD),
    "unknown keys": lambda size: filled(lambda n: f"key{n}: 1\n", size, HEAD + STAGES),
    "similar keys": lambda size: filled(lambda n: f"stagez{n}: 1\n", size, HEAD + STAGES),
    "a key over and over": lambda size: filled(lambda n: "name: big\n", size, HEAD + STAGES),
    "ambiguous words": lambda size: filled(lambda n: "no, ", size, HEAD + "a: [", "1]\n"),
    "stages": lambda size: filled(lambda n: "  - {channels: 8, depth: 1}\n", size, HEAD + "stages:\n"),
    "wrong stages": lambda size: filled(lambda n: "  - {chanels: 8}\n", size, HEAD + "stages:\n"),
    "numbers for stages": lambda size: filled(lambda n: f"{n}, ", size, HEAD + "stages: [", "1]\n"),
    "overrides": lambda size: filled(
        lambda n: f"{n + 1}: {{dpe: false}}, ", size, HEAD + "stages: [{channels: 8, depth: 512, layers: {", "}}]\n"
    ),
    "ganglion layers": lambda size: filled(
        lambda n: f"{n + 1}, ", size, HEAD + "stages: [{channels: 8, depth: 512, ganglion: [", "512]}]\n"
    ),
    "deep stages": lambda size: HEAD + "stages: [" + ", ".join(
        "{channels: 8, depth: 512, S: 1, M: all, cross_stage: every, intra: all}" for _ in range(min(16, size // 80))
    ) + "]\n",
    "one deep stage": lambda size: HEAD
    + f"stages: [{{channels: 8, depth: {min(310, size // 64)}, S: 1, intra: all}}]\n",
    "two deep stages": lambda size: HEAD + "stages: [" + ", ".join(
        "{channels: 8, depth: 256, S: 1, M: all, cross_stage: every}" for _ in range(min(2, size // 80))
    ) + "]\n",
    "links": lambda size: filled(
        lambda n: f"    - {{from: stage1.layer{n % 250 + 1}, to: stage1.layer{n // 250 % 200 + 300}}}\n", size,
        HEAD + "stages: [{channels: 8, depth: 512, S: 2}]\nlinks:\n  add:\n"),
    "links to nothing": lambda size: filled(
        lambda n: f"    - {{from: stage1.layr{n}, to: stage1.layer2}}\n", size, HEAD + STAGES + "links:\n  add:\n"
    ),
    "cuts": lambda size: filled(
        lambda n: f"    - {{from: stage1.layer{n % 511 + 1}, to: stage1.layer512}}\n", size,
        HEAD + "stages: [{channels: 8, depth: 512, S: 2}]\nlinks:\n  cut:\n"),
    "pools": lambda size: filled(
        lambda n: f"{n % 64 + 1}, ", size, HEAD + STAGES + "head: {kind: upernet, classes: 3, pools: [", "1]}\n"
    ),
    "kinds": lambda size: HEAD.replace("ss2d", "s" * min(size, 4000)) + STAGES,
    "values of a choice": lambda size: filled(
        lambda n: f"{n}, ", size, SPACE + "choices: {stages.1.channels: [", "1]}\n"
    ),
    "values of all stages": lambda size: filled(lambda n: f"{8 * n}, ", size, SPACE + "choices: {stages.*.channels: [",
                                                "8]}\n"),
    "choices": lambda size: filled(lambda n: f"  stages.1.layers.{n}.dpe: [true, false]\n", size, SPACE + "choices:\n"),
    "names of choices": lambda size: filled(
        lambda n: f"  c{n}: {{at: stages.1.depth, values: [1, 2]}}\n", size, SPACE + "choices:\n"
    ),
    "conditions": lambda size: filled(
        lambda n: f"  c{n}: {{link: {{from: stem, to: stage1.layer2}}, when: {{c{n + 1}: [true]}}}}\n", size,
        SPACE + "choices:\n"),
    "conditions that exclude one another": lambda size: filled(
        lambda n: f"  c{n}: {{at: stages.1.depth, values: [1, 2], when: {{a: [{n + 1}]}}}}\n", size,
        SPACE + "choices:\n  a: {at: stages.1.S, from: 1, to: 512}\n"),
    "conditions on one value each of two": lambda size: filled(
        lambda n: f"  c{n}: {{at: stages.1.depth, values: [1, 2], when: {{a: [8], b: [{n + 1}]}}}}\n", size,
        SPACE + "choices:\n  a: {at: stages.1.channels, values: [8, 16]}\n"
        "  b: {at: stages.1.S, from: 1, to: 128}\n"),
    "a condition on many values": lambda size: SPACE + "choices:\n  a: {at: head.classes, from: 1, to: 9999}\n"
    "  b: {at: stages.1.depth, values: [1, 2], when: {a: [" + filled(lambda n: f"{n + 1}, ", size - 300) + "1]}}\n",
    "links of a choice": lambda size: filled(
        lambda n: "{from: stem, to: stage1.layer2}, ", size, SPACE + "choices: {skip: {link: [",
        "{from: stem, to: stage1.layer1}]}}\n"),
    "bounds": lambda size: filled(
        lambda n: f"  b{n}: {{most: 1G}}\n", size, SPACE + "choices: {stages.1.depth: [1]}\nbounds:\n"
    ),
    **SHORT_SPACES,
    **{name: partial(large_choice, choice) for name, choice in LARGE_CHOICES.items()},
}  # fmt: skip


def attack_with_texts(count: int, seed: int) -> Findings:
    """Every text in turn, longer in each round, in another process."""
    command = [sys.executable, "-m", "tests.campaign.large_texts", str(seed), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return Findings(faults=[f"ended with {done.returncode} at {done.stderr[-500:]}"])
    report = json.loads(done.stdout)
    return Findings(outcomes=Counter(report["outcomes"]), measured=report["measured"], faults=report["faults"])


def main(seed: int, count: int) -> None:
    """Answer the texts, and print what that took."""
    findings, largest = Findings(), (0, "")
    slowest: dict[str, tuple[float, str]] = {}
    names = list(TEXTS)
    random.Random(seed).shuffle(names)
    answer(HEAD + STAGES)
    answer(SPACE + "choices: {stages.1.depth: [1, 2]}\n")
    for number in range(count):
        name, size = names[number % len(names)], SIZES[min(number // len(names), len(SIZES) - 1)]
        print(name, size, file=sys.stderr)
        text = TEXTS[name](size - len(SPACE) - 100)
        forget_peak_memory()
        before, begun = peak_memory(), time.process_time()
        outcome = answer(text)
        seconds, growth = time.process_time() - begun, peak_memory() - before
        said = f"{name}, {len(text):,} characters"
        read = CHOICE if name in LARGE_CHOICES else "space" if text.startswith("space") else "spec"
        slowest[read] = max(slowest.get(read, (0.0, "")), (seconds, said))
        largest = max(largest, (growth, said))
        most = most_seconds(read)
        findings.outcomes[outcome.partition(":")[0]] += 1
        if outcome not in ("refused", "accepted") or seconds > most or growth > MEGABYTES:
            findings.faults.append(f"{name}, {size} bytes: {outcome} after {seconds:.1f} s, {growth} MB")
    findings.measured |= {
        "kinds of text": str(len(TEXTS)),
        **{f"slowest answer to a {read}": f"{took:.2f} s of CPU ({said})" for read, (took, said) in slowest.items()},
        "growth of memory by one text": f"{largest[0]} MB ({largest[1]})",
    }
    print(json.dumps({"outcomes": findings.outcomes, "measured": findings.measured, "faults": findings.faults}))


def answer(text: str) -> str:
    """What is said to a text of a spec or a space."""
    try:
        if text.startswith("space"):
            parse_space(text)
        else:
            sparx_dsl.connect(sparx_dsl.parse_spec(text))
    except sparx_dsl.SparxError as error:
        sparx_dsl.render_diagnostics(error.diagnostics)
        return "refused"
    except Exception:
        return f"another exception: {traceback.format_exc()[-1500:]}"
    return "accepted"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
