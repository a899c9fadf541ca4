"""The corpora of fuzzing that are kept: inputs of earlier runs that reached code which those before had not.

    python -m tests.campaign.kept_inputs spec FOLDER

keeps those of a folder in place of what was kept of a target. The file depends on the inputs alone.
"""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

CORPORA = Path(__file__).parent / "corpora"


def kept(target: str) -> dict[str, bytes]:
    """The inputs of a target, by their names."""
    found: dict[str, bytes] = {}
    with tarfile.open(CORPORA / f"{target}.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
    return found


def keep(target: str, folder: Path) -> None:
    """Keep the inputs of a folder, but for those with which every run begins."""
    with tarfile.open(CORPORA / f"{target}.tar.xz", "w:xz") as archive:
        for path in sorted(folder.iterdir()):
            if not path.name.startswith("seed"):
                data, entry = path.read_bytes(), tarfile.TarInfo(path.name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))


if __name__ == "__main__":
    keep(sys.argv[1], Path(sys.argv[2]))
