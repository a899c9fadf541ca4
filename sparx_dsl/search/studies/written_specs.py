"""The best backbones of a study as files: specs, the table and the picture."""

from __future__ import annotations

import os
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SparxError, visible
from sparx_dsl.language.spec import dump_spec
from sparx_dsl.render import write_text
from sparx_dsl.search.space.choices import value_text
from sparx_dsl.search.studies.records import StudyResult, TrialRecord
from sparx_dsl.search.studies.study_tables import study_table
from sparx_dsl.search.studies.winners import study_picture, values_text, winners

NAME_LENGTH = 64


def write_winners(result: StudyResult, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write each winner as a spec, the table and the picture into a folder, which is made; the paths of the specs.

    The files are called ``01_trial_17.yaml`` by place and number, ``table.txt`` and ``front.svg``. Raises
    ``SparxError`` (SPX502) where they cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder {os.fspath(target)!r}: {error.strerror or error}"
        raise SparxError(Diagnostic(Code.FILE_NOT_WRITABLE, message)) from None
    paths: list[Path] = []
    for place, trial in enumerate(winners(result), start=1):
        path = target / f"{place:02d}_trial_{trial.number}.yaml"
        write_text(path, _spec_text(result, trial))
        paths.append(path)
    write_text(target / "table.txt", study_table(result) + "\n")
    if result.complete:
        write_text(target / "front.svg", study_picture(result))
    return tuple(paths)


def _spec_text(result: StudyResult, trial: TrialRecord) -> str:
    spec = result.spec(trial)
    suffix = f"_trial_{trial.number}"
    named = spec.edit({"name": f"{spec.name[: NAME_LENGTH - len(suffix)]}{suffix}"})
    choices = "".join(f"# {visible(name)}: {visible(value_text(value))}\n" for name, value in trial.choices.items())
    return f"# Trial {trial.number} of a study: {visible(values_text(result, trial))}.\n{choices}{dump_spec(named)}"
