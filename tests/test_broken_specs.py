"""Every kind of mistake is charged by its code at its line and column, by the library and by the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl.codes import builtin_codes
from tests.support.broken_specs import CORPUS, BrokenSpec, places, read_broken_specs
from tests.support.commands import sparx
from tests.support.golden_text import Golden

BROKEN = read_broken_specs()
EVERY = pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)

OPENED_BY_NOBODY = """
import sys, pathlib
import sparx_dsl
from sparx_dsl.errors import render

corpus, events, watching = pathlib.Path(sys.argv[1]), [], False
allowed = {str(path) for path in corpus.rglob("*.yaml")}
FORBIDDEN = ("exec", "compile", "import", "subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn",
             "socket.", "ctypes.", "os.remove", "os.rename", "os.mkdir",
             "os.chmod", "os.link", "os.symlink", "shutil.", "pty.",
             "marshal.", "pickle.", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "code.__new__")

def watch(event, arguments):
    if not watching:
        return
    if event == "open":
        path, mode = str(arguments[0]), arguments[1] or "r"
        if path not in allowed or set(str(mode)) & set("wax+"):
            events.append((event, path, mode))
    elif event.startswith(FORBIDDEN):
        events.append((event, str(arguments)[:200]))

def go():
    charged = 0
    for path in sorted(corpus.glob("*/*.yaml")):
        try:
            sparx_dsl.connect(sparx_dsl.load_spec(path))
        except sparx_dsl.SparxError as error:
            charged += 1
            for style in ("full", "concise", "json"):
                render(error.diagnostics, style)
    return charged

go()
sys.addaudithook(watch)
watching = True
charged = go()
watching = False
print(charged, events)
"""


@EVERY
def test_the_library_charges_exactly_these_mistakes(broken: BrokenSpec) -> None:
    """Codes, lines and columns, in order, in one run."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        compile_as_far_as_needed(broken)
    assert places(caught.value.diagnostics) == broken.expected


@pytest.mark.parametrize("folder", sorted({broken.path.parent.name for broken in BROKEN}))
def test_what_is_said(folder: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word of it, with the excerpts."""
    monkeypatch.chdir(CORPUS)
    pages: list[str] = []
    for broken in BROKEN:
        if broken.path.parent.name == folder:
            with pytest.raises(sparx_dsl.SparxError) as caught:
                compile_as_far_as_needed(BrokenSpec(broken.path.relative_to(CORPUS), broken.expected))
            pages.append(sparx_dsl.render_diagnostics(caught.value.diagnostics))
    golden.check("\n".join(pages))


def compile_as_far_as_needed(broken: BrokenSpec) -> None:
    """Load and connect a spec, and build only one whose mistake is its price."""
    graph = sparx_dsl.connect(sparx_dsl.load_spec(broken.path))
    if broken.priced:
        sparx_dsl.build(graph, device="meta")


@EVERY
def test_the_command_charges_them_in_every_style(
    broken: BrokenSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing on standard output, nothing written, no traceback, and the same places in all three styles.

    Status 2, and 1 where nothing but a budget is exceeded.
    """
    monkeypatch.chdir(tmp_path)
    status = 1 if {code for code, *_ in broken.expected} == {"SPX405"} else 2
    for style in ("full", "concise", "json"):
        done = sparx("compile", broken.path, "--format", style)
        assert (done.status, done.stdout) == (status, "")
        assert "Traceback" not in done.stderr
        assert not re.search(r"[^\n\x20-\x7e\xa0-\U0010ffff]|[\u202a-\u202e\u2066-\u2069\ud800-\udfff]", done.stderr)
        assert shown_places(done.stderr, style, broken.path) == broken.expected
    assert not list(tmp_path.iterdir())


def shown_places(text: str, style: str, path: Path) -> tuple[tuple[str, int | None, int | None], ...]:
    """The codes and places that a report shows."""
    if style == "json":
        return tuple((entry["code"], entry["line"], entry["column"]) for entry in json.loads(text))
    file = re.escape(str(path))
    pattern = rf"^{file}(?::(\d+):(\d+))?: (SPX\d+) .*$"
    if style == "full":
        pattern = rf"^error\[(?P<code>SPX\d+)\]: .+\n *--> {file}(?::(\d+):(\d+))?$"
    found = re.finditer(pattern, text, re.MULTILINE)
    groups = [(m.groups() if style == "concise" else (m[2], m[3], m[1])) for m in found]
    return tuple((code, int(line) if line else None, int(column) if column else None) for line, column, code in groups)


def test_a_real_process_ends_in_the_same_way() -> None:
    """``sparx-compile`` as a process: status 2, the report on standard error, nothing on standard output."""
    broken = next(case for case in BROKEN if case.name == "schema/many_mistakes")
    code = "import sys; from sparx_dsl.cli.main import compile_main; compile_main()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(broken.path), "--format", "json"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert shown_places(done.stderr, "json", broken.path) == broken.expected


def test_checking_hostile_specs_touches_nothing_else() -> None:
    """No code is run or imported and nothing but the specs is opened, as Python's own audit events tell."""
    done = subprocess.run(
        [sys.executable, "-c", OPENED_BY_NOBODY, str(CORPUS)], capture_output=True, text=True, check=False
    )
    charged = sum(not broken.priced for broken in BROKEN)
    assert done.stdout.strip() == f"{charged} []", done.stderr


def test_every_message_stands_alone_and_almost_all_say_what_to_write() -> None:
    """A message is one line that ends without a full stop; help is missing only where the message lists the choices."""
    helpless: Counter[str] = Counter()
    for broken in BROKEN:
        if broken.priced:
            continue
        with pytest.raises(sparx_dsl.SparxError) as caught:
            sparx_dsl.connect(sparx_dsl.load_spec(broken.path))
        for mistake in caught.value.diagnostics:
            assert 8 <= len(mistake.message) <= 160
            assert not mistake.message.endswith(".")
            if mistake.help is None:
                helpless[mistake.code] += 1
                listed = " must be " in mistake.message or any(" are " in note for note in mistake.notes)
                assert listed, f"{broken.name}: {mistake}"
    assert set(helpless) <= {"SPX101", "SPX103", "SPX104", "SPX105", "SPX106"}


@pytest.mark.parametrize(
    ("name", "help_text", "note"),
    [
        (
            "schema/unknown_key_in_stem",
            'did you mean "size"?',
            "the keys are kind, position_embedding, size, norm, eps, convs, remainder",
        ),
        ("schema/unknown_key_in_links", 'did you mean "cut"?', "the keys are add, cut"),
        ("schema/names_of_other_code", 'did you mean "channels"?', None),
        ("schema/norm_at_top", "it belongs in layer: write layer: {norm: …}", None),
        ("schema/depth_inside_layer", "it belongs in stages.2", None),
        ("schema/word_for_stem", "write {kind: patch}", None),
        ("schema/none_for_ffn", "write {kind: none}", None),
        ("schema/size_as_text", "write [224, 224]", None),
        ("schema/percent_drop_path", "write 0.1", None),
        ("schema/fraction_for_depth", "write 3", None),
        ("schema/quoted_stride", "write 2 without quotes", None),
        ("schema/arrow_link", "write {from: …, to: …}", None),
        ("schema/capital_name", "write for example sparx_mamba_t", None),
        ("schema/place_with_spaces", "write stage1.layer2", None),
        ("schema/kind_of_another_role", None, "mlp is a kind of ffn"),
        ("schema/empty_required_value", "write an integer from 1 to 512", None),
        ("rules/heads_do_not_divide", "numbers of heads that divide 16 and lie closest: 1, 2, 4, 8", None),
        ("rules/ganglion_twice", "write [2, 4]", None),
        ("graph/unknown_layer", "the layers of stage 2 are stage2.layer1 to stage2.layer4", None),
        ("graph/stage_by_old_name", "the layers of stage 1 are early.layer1 to early.layer2", None),
        ("extends/missing_file", 'did you mean "tiny.yaml"?', None),
    ],
)
def test_what_to_write_instead(name: str, help_text: str | None, note: str | None) -> None:
    """The advice fits the values at hand."""
    broken = next(case for case in BROKEN if case.name == name)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        compile_as_far_as_needed(broken)
    first = caught.value.diagnostics[0]
    assert first.help == help_text
    assert note is None or note in first.notes


def test_one_kind_that_several_stages_share_is_one_mistake() -> None:
    """Groups that divide the channels of no stage are charged once, with the width of each stage beside them."""
    stages = [{"channels": width, "depth": 2, "S": 1} for width in (10, 14, 16)]
    layer = {"mixer": {"kind": "ss2d"}, "fusion": {"kind": "dmca", "groups": 4}}
    spec = {"sparx": 1, "name": "a", "stem": {"kind": "conv"}, "layer": layer, "stages": stages}
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(spec)
    (mistake,) = caught.value.diagnostics
    assert (mistake.code, mistake.where.path) == ("SPX213", "layer.fusion.groups")
    assert [other.where.path for other in mistake.related] == ["stages.1.channels", "stages.2.channels"]


def test_the_corpus_covers_every_code_that_a_spec_can_earn() -> None:
    """No code with a snippet in the catalogue is missing; the fallback for unforeseen mistakes is never used."""
    covered = {code for broken in BROKEN for code, _, _ in broken.expected}
    assert {code for code, entry in builtin_codes().items() if entry.wrong} <= covered
    assert "SPX199" not in covered
    assert len(BROKEN) >= 75
