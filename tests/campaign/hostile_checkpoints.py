"""Hostile checkpoints under an audit hook: nothing runs, nothing is half loaded, and every refusal is a diagnostic.

    python -m tests.campaign.hostile_checkpoints SEED COUNT FOLDER

Prints one JSON object; a process of its own, since the hook stays for its life, and a file might end it.
"""

from __future__ import annotations

import codecs
import importlib
import json
import random
import subprocess
import sys
import traceback
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

import sparx_dsl
from sparx_dsl.kind import load
from sparx_dsl.registry import default_registry
from sparx_dsl.weights import load_checkpoint, load_model
from tests.campaign.checkpoint_files import hostile_file
from tests.campaign.findings import Findings
from tests.campaign.watched import Watch
from tests.support.checkpoints import small, snapshot
from tests.support.paths import ROOT


def attack_checkpoints(count: int, seed: int) -> Findings:
    """Load hostile files in another process, and say what it found."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.campaign.hostile_checkpoints", str(seed), str(count), folder]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return Findings(faults=[f"seed {seed}: ended with {done.returncode}: {done.stderr[-2000:]}"])
    report = json.loads(done.stdout)
    return Findings(outcomes=Counter(report["outcomes"]), faults=report["faults"])


def main(seed: int, count: int, folder: Path) -> None:
    """Load so many hostile files into a model, and into models of their own."""
    findings, watch, mark = Findings(), Watch(), folder / "mark"
    warm_up()
    model = small("vmamba")
    before = snapshot(model)
    metadata = {"format": "sparx_dsl", "spec": sparx_dsl.dump_spec(model.spec)}
    for number in range(-40, count):  # the first bring in what is imported when it is needed
        rng = random.Random(f"{seed} {number}")
        name, extension, content = hostile_file(before, metadata, mark, rng)
        path = folder / f"model.{extension}"
        path.write_bytes(content)
        model.load_state_dict(before)
        strict = rng.random() < 0.5
        with watch.over([path] if number >= 0 else []) as seen:
            outcome = answer(model, path, strict=strict, whole=rng.random() < 0.15)
        if number < 0:
            continue
        faults = list(seen)
        if mark.exists():
            faults.append("the file's code ran")
        changed = not all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
        if changed and outcome != "loaded":
            faults.append("half loaded")
        if outcome not in ("refused", "loaded"):
            faults.append(outcome)
        findings.outcomes[f"{name}: {outcome.partition(':')[0]}"] += 1
        findings.faults += [f"{name}, attack {number} of seed {seed}: {fault}" for fault in faults]
    print(json.dumps({"outcomes": findings.outcomes, "faults": findings.faults}))


def warm_up() -> None:
    """Import what is imported when a file first needs it, whatever the file says: of ours, of torch and of Python."""
    sparx_dsl.json_schema()  # the options of every kind
    for kind in default_registry():
        if kind.checkpoint is not None:
            load(kind.checkpoint)
    codecs.lookup("raw_unicode_escape")  # texts in pickles of protocol 0
    for module in ("torch.nested._internal.ops", "torch._subclasses.schema_check_mode"):
        importlib.import_module(module)  # an object in a tensor's place makes torch look here
    warnings.simplefilter("ignore")  # of torch's, which are shown with the line of its source


def answer(model: torch.nn.Module, path: Path, *, strict: bool, whole: bool) -> str:
    """What is said to a file, by the model's loader or by the one that builds the file's own spec."""
    try:
        if whole:
            load_model(path)
        else:
            load_checkpoint(model, path, strict=strict)
    except sparx_dsl.SparxError:
        return "refused"
    except BaseException:
        return f"another exception: {traceback.format_exc()[-1500:]}"
    return "loaded"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
