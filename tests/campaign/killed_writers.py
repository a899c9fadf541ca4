"""Writers that are killed at random instants, or whose disk is full: a file is the old one or the new one, whole.

    python -m tests.campaign.killed_writers SEED COUNT FOLDER

Prints one JSON object; a process of its own, which forks writers from what it has imported.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

import sparx_dsl
from sparx_dsl.render.files import write_text
from sparx_dsl.weights import save_checkpoint
from tests.campaign.findings import Findings
from tests.support.backbones import tiny
from tests.support.checkpoints import small
from tests.support.paths import ROOT

Write = Callable[[Path, int], object]
"""Writes one of two versions of a file, as a command or a call of the package does."""
LONGEST = 0.03
"""Seconds for which a writer lives at most."""
STUDIES = 5
"""For so many writers there is one study that is killed."""
FULL = 100
"""Bytes that a file can have on a disk that is full."""


def kill_writers(count: int, seed: int) -> Findings:
    """Kill so many writers in another process, and a study for every few of them, and say what was found."""
    findings = _in_a_process("killed_writers", seed, count)
    findings.add(_in_a_process("killed_studies", seed, count // STUDIES))
    return findings


def _in_a_process(module: str, seed: int, count: int) -> Findings:
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", f"tests.campaign.{module}", str(seed), str(count), folder]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return Findings(faults=[f"{module}, seed {seed}: ended with {done.returncode}: {done.stderr[-2000:]}"])
    report = json.loads(done.stdout)
    return Findings(Counter(report["outcomes"]), report.get("measured", {}), report["faults"])


def writers() -> dict[str, tuple[str, Write]]:
    """A file extension and the writer of each kind of file."""
    models = [small("sparx_mamba", seed) for seed in (0, 1)]
    specs = [sparx_dsl.load_spec(name) for name in ("sparx_mamba_t", "sparx_swin_b")]
    texts = [sparx_dsl.dump_spec(spec) for spec in specs]
    reported = [sparx_dsl.parse_spec(tiny(name=name)) for name in ("one", "other")]
    return {
        "spec": ("yaml", lambda path, version: write_text(path, texts[version])),
        "picture": ("svg", lambda path, version: sparx_dsl.draw(specs[version], path)),
        "report": ("html", lambda path, version: sparx_dsl.write_report(reported[version], path)),
        "checkpoint": ("safetensors", lambda path, version: save_checkpoint(models[version], path)),
        "released checkpoint": (
            "pth", lambda path, version: save_checkpoint(models[version], path, format="sparx_mamba")
        ),
    }  # fmt: skip


def main(seed: int, count: int, folder: Path) -> None:
    """Kill each writer in turn, then fill the disk of each."""
    torch.set_num_threads(1)
    findings, kinds, replaced = Findings(), writers(), 0
    versions: dict[str, list[bytes]] = {}
    for name, (extension, write) in kinds.items():
        versions[name] = []
        for version in (0, 1):
            write(folder / f"{version}.{extension}", version)
            versions[name].append((folder / f"{version}.{extension}").read_bytes())
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        name = list(kinds)[number % len(kinds)]
        extension, write = kinds[name]
        path = folder / f"file.{extension}"
        path.write_bytes(versions[name][0])
        full = rng.random() < 0.1
        outcome = full_disk(path, write) if full else killed(path, write, rng.uniform(0, LONGEST))
        found = path.read_bytes()
        replaced += found == versions[name][1]
        if found not in versions[name] or (outcome != "killed" and found != versions[name][0]):
            findings.faults.append(f"{name}, attack {number} of seed {seed}: {outcome}, and {len(found)} other bytes")
        elif outcome not in ("killed", "refused on a full disk"):
            findings.faults.append(f"{name}, attack {number} of seed {seed}: {outcome}")
        findings.outcomes[f"{name}: {outcome}"] += 1
        for left in folder.glob(".*.part"):
            findings.outcomes["a hidden part was left by a killed writer"] += outcome == "killed"
            if outcome != "killed":
                findings.faults.append(f"{name}, attack {number} of seed {seed}: a part was left on a full disk")
            left.unlink()
    findings.measured["the new file was there"] = f"{replaced:,} times"
    print(json.dumps({"outcomes": findings.outcomes, "measured": findings.measured, "faults": findings.faults}))


def killed(path: Path, write: Write, seconds: float) -> str:
    """Kill a process that writes both versions in turn, without end."""
    child = os.fork()
    if not child:
        try:
            for version in range(1, 10**9):
                write(path, version % 2)
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return "killed" if status == -signal.SIGKILL else f"ended with {status}"


def full_disk(path: Path, write: Write) -> str:
    """Write the new version where a file can't grow beyond a few bytes."""
    child = os.fork()
    if not child:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, FULL))
            write(path, 1)
        except sparx_dsl.SparxError as error:
            status = 0 if error.diagnostics[0].code == sparx_dsl.Code.FILE_NOT_WRITABLE else 2
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return "refused on a full disk" if status == 0 else f"on a full disk: ended with {status}"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
