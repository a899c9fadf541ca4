"""Writers that are killed, hindered or not alone: a file is the old one or the new one, whole.

    python -m tests.campaign.killed_writers SEED COUNT FOLDER

Prints one JSON object; a process of its own, which forks writers from what it has imported.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

import sparx_dsl
from tests.campaign.file_writers import FileKind, Write, file_kinds
from tests.campaign.findings import Findings
from tests.support.paths import ROOT

STUDIES = 5
"""For so many writers there is one study that is killed."""
FULL = 100
"""Bytes that a file can have on a disk that is full."""
NOBODY = 65534
"""A user who owns nothing."""
REFUSED = ("refused on a full disk", "refused in a forbidden folder")
WRITTEN = ("killed", "written by two at once")


def kill_writers(count: int, seed: int) -> Findings:
    """Kill so many writers in another process, and a study for every few of them, and say what was found."""
    findings = _in_a_process("killed_writers", seed, count)
    findings.add(_in_a_process("killed_studies", seed, count // STUDIES))
    killed = sum(number for name, number in findings.outcomes.items() if name.endswith(": killed"))
    findings.measured["processes that were killed"] = f"{killed:,}"
    return findings


def _in_a_process(module: str, seed: int, count: int) -> Findings:
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", f"tests.campaign.{module}", str(seed), str(count), folder]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return Findings(faults=[f"{module}, seed {seed}: ended with {done.returncode}: {done.stderr[-2000:]}"])
    report = json.loads(done.stdout)
    return Findings(outcomes=Counter(report["outcomes"]), measured=report.get("measured", {}), faults=report["faults"])


def main(seed: int, count: int, folder: Path) -> None:
    """Kill each writer in turn, or fill its disk, or forbid its folder, or let two of them write at once."""
    torch.set_num_threads(1)
    folder.chmod(0o755)  # what is forbidden in one attack is the file's own folder
    findings, kinds, replaced = Findings(), file_kinds(folder), 0
    versions: dict[str, list[bytes]] = {}
    contents: dict[str, list[object]] = {}
    for name, kind in kinds.items():
        versions[name] = []
        for version in (0, 1):
            kind.write(folder / f"{version}.{kind.extension}", version)
            versions[name].append((folder / f"{version}.{kind.extension}").read_bytes())
        contents[name] = [kind.content(file) for file in versions[name]]
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        name = list(kinds)[number % len(kinds)]
        kind = kinds[name]
        place = folder / "place"
        place.mkdir(mode=0o755, exist_ok=True)
        path = place / f"file.{kind.extension}"
        path.write_bytes(versions[name][0])
        outcome = attacked(path, kind, rng)
        found = path.read_bytes()
        replaced += found != versions[name][0]
        try:
            whole = kind.content(found) in contents[name]
        except (ValueError, zipfile.BadZipFile):
            whole = False
        if not whole or (outcome in REFUSED and found != versions[name][0]):
            findings.faults.append(f"{name}, attack {number} of seed {seed}: {outcome}, and {len(found)} other bytes")
        elif outcome not in (*REFUSED, *WRITTEN):
            findings.faults.append(f"{name}, attack {number} of seed {seed}: {outcome}")
        findings.outcomes[f"{name}: {outcome}"] += 1
        left = [one for one in place.iterdir() if one != path]
        if left:
            findings.outcomes["a hidden part was left by a killed writer"] += outcome == "killed"
            if outcome != "killed" or not all(one.name.startswith(".") for one in left):
                findings.faults.append(f"{name}, attack {number} of seed {seed}: {left} was left, {outcome}")
        shutil.rmtree(place)
    findings.measured["the new file was there"] = f"{replaced:,} times"
    print(json.dumps({"outcomes": findings.outcomes, "measured": findings.measured, "faults": findings.faults}))


def drawn(rng: random.Random) -> str:
    """The name of one attack; most are kills."""
    return rng.choices(("kill", "full disk", "forbidden folder", "two at once"), (7, 1, 1, 1))[0]


def attacked(path: Path, kind: FileKind, rng: random.Random) -> str:
    """What one attack on a writer comes to."""
    attack = drawn(rng)
    if attack == "forbidden folder" and readable_by_all(ROOT):
        path.parent.chmod(0o555)
        return refused(path, kind.write, _become_nobody, "refused in a forbidden folder")
    if attack in ("full disk", "forbidden folder"):
        return refused(path, kind.write, _fill_disk, "refused on a full disk")
    return (
        two_at_once(path, kind.write)
        if attack == "two at once"
        else killed(path, kind.write, rng.uniform(0, kind.longest))
    )


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


def refused(path: Path, write: Write, forbid: Callable[[], None], outcome: str) -> str:
    """Write the new version in a process in which that was made impossible."""
    child = os.fork()
    if not child:
        status = 1
        try:
            forbid()
            write(path, 1)
        except sparx_dsl.SparxError as error:
            status = 0 if error.diagnostics[0].code == sparx_dsl.Code.FILE_NOT_WRITABLE else 2
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return outcome if status == 0 else f"not {outcome}: ended with {status}"


def _fill_disk() -> None:
    """No file can grow beyond a few bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, FULL))


def readable_by_all(folder: Path) -> bool:
    """Whether a user who owns nothing can import from a folder, which a checkout below root's home forbids."""
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def _become_nobody() -> None:
    """What the folder's mode forbids is forbidden to root too."""
    if os.geteuid() == 0:
        os.setresuid(NOBODY, NOBODY, NOBODY)


def two_at_once(path: Path, write: Write) -> str:
    """Write both versions in two processes at once."""
    children: list[int] = []
    for version in (0, 1):
        child = os.fork()
        if not child:
            status = 1
            try:
                for _ in range(3):
                    write(path, version)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return "written by two at once" if ends == [0, 0] else f"two at once: ended with {ends}"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
