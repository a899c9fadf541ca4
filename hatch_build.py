"""Puts the zoo into the wheel, and compiles the scan for CPUs, where there is a C compiler; nothing fails without one.

The sources want neither Python's headers nor torch's. Each set of instructions is compiled by itself, and the
library chooses between them when it runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path("sparx_dsl") / "ops" / "cpu"
LIBRARY = "libsparx_scan.dylib" if sys.platform == "darwin" else "libsparx_scan.so"
RECORD = f"{LIBRARY}.sha256"
"""Beside the library, its size in bytes and its SHA-256: a library that differs from them is never loaded."""
ZOO, INSTALLED_ZOO = "specs", "sparx_dsl/specs"
"""The folder of specs, here and in the package; an editable installation finds it here."""
COMMON = ["-O3", "-std=gnu11", "-fPIC", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros",
          "-fvisibility=hidden", "-Wno-psabi"]  # fmt: skip
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mprefer-vector-width=512"]
PLAIN: tuple[str, int, list[str]] = ("plain", 4, [])
WIDE = (("avx2", 8, ["-mavx2", "-mfma"]), ("avx512", 16, AVX512))
HALF = ("avx512bf16", 16, [*AVX512, "-mavx512bf16"])
"""The sets of instructions: name, floats in a vector, flags. Compilers older than GCC 10 don't know the last."""


class CompiledScan(BuildHookInterface[Any]):
    """The step of hatchling that takes the zoo into the package, and compiles the library into the package's folder."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Take the zoo; compile, and make the wheel one for this platform; say so and go on where that can't be done.

        An archive of sources takes nothing that is compiled along.
        """
        if self.target_name != "wheel":
            return
        if version != "editable":
            build_data["force_include"][ZOO] = INSTALLED_ZOO
        folder = Path(self.root) / SOURCES
        try:
            compile_library(folder)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            said = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else error
            self.app.display_warning(f"the scan for CPUs was not compiled, the one in PyTorch serves instead: {said}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"] += [f"/{(SOURCES / name).as_posix()}" for name in (LIBRARY, RECORD)]


def compile_library(folder: Path) -> None:
    """Compile the sources in ``folder`` into the library beside them, with OpenMP where the compiler has it.

    Raises ``OSError`` or ``CalledProcessError`` where that can't be done, ``ValueError`` for a CC that can't be read.
    """
    if sys.platform == "win32":
        raise OSError("the sources use the vector types of GCC and Clang")
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or shutil.which("gcc") or "clang"]
    try:
        compile_with(compiler, folder, ["-fopenmp"])
    except subprocess.CalledProcessError:
        compile_with(compiler, folder, [])


def compile_with(compiler: list[str], folder: Path, options: list[str], *, wide: bool = True) -> None:
    """Compile every set of instructions, or the compiler's own alone, with more options, and link them.

    The library takes its place only when it is whole.
    """
    with tempfile.TemporaryDirectory() as place:
        objects: list[str] = []

        def run(*arguments: str) -> None:
            subprocess.run([*compiler, *COMMON, *options, *arguments], check=True, capture_output=True)

        def compile_set(name: str, lanes: int, flags: list[str]) -> None:
            result = f"{place}/{name}.o"
            run(*flags, f"-DLANES={lanes}", f"-DSET={name}", "-c", str(folder / "kernels.c"), "-o", result)
            objects.append(result)

        compile_set(*PLAIN)
        found: list[str] = []
        if wide and platform.machine().lower() in ("x86_64", "amd64"):
            for each in WIDE:
                compile_set(*each)
            found.append("-DWIDE_SETS")
            with contextlib.suppress(subprocess.CalledProcessError):
                compile_set(*HALF)
                found.append("-DHALF_SET")
        run(*found, "-c", str(folder / "dispatch.c"), "-o", f"{place}/dispatch.o")
        run("-shared", f"{place}/dispatch.o", *objects, "-o", f"{place}/{LIBRARY}")
        take_place(Path(place) / LIBRARY, folder)


def take_place(library: Path, folder: Path) -> None:
    """Put a library and its record into a folder; between the two, the library is not loaded."""
    content = library.read_bytes()
    record = f"{len(content)} {hashlib.sha256(content).hexdigest()}\n".encode("ascii")
    for name, written in ((LIBRARY, content), (RECORD, record)):
        (folder / f"{name}.new").write_bytes(written)
        os.replace(folder / f"{name}.new", folder / name)
