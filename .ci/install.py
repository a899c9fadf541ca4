"""Install what the tests and checks need, each file but torch's only after its SHA-256 was found in a lock file.

    .venv/bin/python .ci/install.py

It installs into the environment of the Python that runs it: the versions of constraints.txt, and this checkout,
editable. torch is pinned by its version alone: its wheels for one machine or another (CPU, CUDA, ROCm) lie on indexes
of its own, under the same version and with hashes that the public index does not have.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = Path(__file__).parent / "locks"


def pip(*words: str) -> None:
    """Run pip in the checkout; :class:`subprocess.CalledProcessError` where it refuses."""
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *words], cwd=ROOT, check=True)


def install(*words: str) -> None:
    """Install these alone: what they need is named elsewhere, and what builds them is there already."""
    pip("install", "--quiet", "--no-deps", "--no-build-isolation", *words)


def locked(lock: str) -> None:
    """Install a lock file; a file whose hash is not in it is not opened."""
    install("--require-hashes", "-r", str(LOCKS / f"{lock}.txt"))


def for_cuda() -> bool:
    """Whether the torch that is installed asks for CUDA's libraries, as packages."""
    importlib.invalidate_caches()
    return any(line.startswith(("cuda-", "nvidia-")) for line in requires("torch") or ())


def main() -> None:
    """What builds, what is tested with, torch, this package; then nothing may be missing."""
    locked("build")
    locked("test")
    install("-c", "constraints.txt", "torch")
    if for_cuda():
        locked("cuda")
    install("-e", ".")
    pip("check")


if __name__ == "__main__":
    main()
