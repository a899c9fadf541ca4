"""Write the lock files anew: the pins of constraints.txt with the SHA-256 of each file that the index has of them.

    python .ci/lock.py

It runs uv, which asks the index what every package needs on every platform. The files go to .ci/locks, for
.ci/install.py: ``build.txt`` builds what comes as sources, this package among it; ``test.txt`` is what the tests and
checks need, but for torch; ``cuda.txt`` is what a torch that is built for CUDA brings.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.markers import Environment, Marker, default_environment

ROOT = Path(__file__).parents[1]
LOCKS = Path(__file__).parent / "locks"
EXTRAS = ("dev", "ray", "fuzz")
"""What .ci/run checks with."""
BUILDERS = ("editables", "setuptools")
"""What hatchling wants for an editable installation, and what builds packages that name no backend."""
PYTHON = "3.11.5"
"""The oldest Python that all pinned versions accept."""
PLATFORMS = (("linux", "Linux"), ("darwin", "Darwin"), ("win32", "Windows"))
"""The values of ``sys_platform`` and ``platform_system``."""
HEAD = "# By .ci/lock.py, from constraints.txt and pyproject.toml; .ci/install.py installs it.\n"


def compiled(*words: str, requirements: str = "") -> list[str]:
    """The entries of a lock file for the requirements: each a package, its marker and its hashes, in several lines."""
    options = ["--universal", "--python-version", PYTHON, "--generate-hashes", "--no-header", "--no-annotate"]
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "-c", "constraints.txt", *options, *words]
    done = subprocess.run(command, cwd=ROOT, input=requirements, stdout=subprocess.PIPE, text=True, check=True)
    return [entry for entry in re.split(r"^(?=\w)", done.stdout, flags=re.MULTILINE) if entry]


def name(entry: str) -> str:
    """The package of an entry, or of a line of constraints.txt, as names are compared."""
    return re.sub(r"[-_.]+", "-", entry.partition("==")[0]).lower()


def wanted(entry: str) -> bool:
    """Whether CPython takes it on one of the platforms; not what is for PyPy or for browsers alone."""
    marker = entry.partition("\n")[0].partition(";")[2].rstrip(" \\")
    return not marker or any(Marker(marker).evaluate(environment(*platform)) for platform in PLATFORMS)


def environment(platform: str, system: str) -> Environment:
    """What markers are asked about: CPython on a platform."""
    here = default_environment()
    here.update(sys_platform=platform, platform_system=system, implementation_name="cpython")
    return here


def write(lock: str, entries: Iterable[str]) -> None:
    """Write a lock file."""
    (LOCKS / f"{lock}.txt").write_text(HEAD + "".join(filter(wanted, entries)), encoding="utf-8")


def main() -> None:
    """Compile, part, write."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    builders = [*settings["build-system"]["requires"], *BUILDERS]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    cuda = {name(line) for line in pins.partition("# What torch brings")[2].splitlines()[1:]}
    entries = compiled("pyproject.toml", *(f"--extra={extra}" for extra in EXTRAS), "--no-emit-package=torch")
    write("build", compiled("-", requirements="\n".join(builders)))
    write("test", [entry for entry in entries if name(entry) not in cuda])
    write("cuda", [entry for entry in entries if name(entry) in cuda])


if __name__ == "__main__":
    main()
