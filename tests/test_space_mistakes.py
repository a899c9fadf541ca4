"""Each mistake in a space's text is charged by its code, at its line and column."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl.search import load_space, parse_space
from tests.support.broken_specs import places
from tests.support.paths import SPECS

HEAD = "space: 1\nname: broken\nbase: sparx_mamba_t.yaml\n"

CASES = {
    "an unknown key": ("choice: {}\nchoices: {stages.3.S: [1]}", "SPX701 4:1"),
    "an unknown key of a choice": ("choices:\n  stages.3.S: {value: [1]}", "SPX701 5:16"),
    "an unknown bound": ("choices: {stages.3.S: [1]}\nbounds: {flops: 3G}", "SPX701 5:10"),
    "an unknown key of a bound": ("choices: {stages.3.S: [1]}\nbounds: {macs: {max: 3G}}", "SPX701 5:17"),
    "no choices": ("bounds: {macs: 3G}", "SPX702 1:1"),
    "a range without an end": ("choices:\n  stages.3.S: {from: 1}", "SPX702 5:15"),
    "a scalar for values": ("choices:\n  stages.3.S: 2", "SPX703 5:15"),
    "text in a range": ("choices:\n  stages.3.S: {from: a, to: 2}", "SPX703 5:22"),
    "values twice": ("choices:\n  stages.3.S: {from: 1, to: 2, values: [1]}", "SPX703 5:15"),
    "a link that is none": ("choices:\n  skip: {link: {from: stem}}", "SPX703 5:16"),
    "links of which there is none": ("choices:\n  skip: {link: []}", "SPX712 5:16"),
    "a budget": ("choices:\n  budget.params: [30M, 40M]", "SPX711 5:3"),
    "a path for a name": ("choices:\n  a.b: {at: stages.3.S, values: [1]}", "SPX703 5:3"),
    "an unknown stage": ("choices:\n  stages.5.S: [1]", "SPX710 5:3"),
    "an unknown layer": ("choices:\n  stages.3.layers.8.dpe: [true]", "SPX710 5:3"),
    "a misspelt path": ("choices:\n  stages.3.chanels: [1]", "SPX710 5:3"),
    "a path within at": ("choices:\n  width: {at: [stages.1.channels, stages.2.chanels], values: [64]}", "SPX710 5:35"),
    "a name": ("choices:\n  stages.3.name: [a, b]", "SPX711 5:3"),
    "all stages": ("choices:\n  stages: [[]]", "SPX711 5:3"),
    "an empty list": ("choices:\n  stages.3.S: []", "SPX712 5:15"),
    "an empty range": ("choices:\n  stages.3.S: {from: 3, to: 1}", "SPX712 5:29"),
    "no choice at all": ("choices: {}", "SPX712 4:10"),
    "an empty bound": ("choices: {stages.3.S: [1]}\nbounds: {macs: {}}", "SPX712 5:16"),
    "a value twice": ("choices:\n  stages.3.S: [1, 2, 1]", "SPX713 5:22"),
    "two drivers": ("choices:\n  stages.3.S: [1, 2]\n  more: {at: stages.3.S, values: [3]}", "SPX714 6:3"),
    "an unknown condition": (
        "choices:\n  stages.3.S: {values: [1, 2], when: {stages.3.deph: 7}}\n  stages.3.depth: [7]",
        "SPX715 5:39"),
    "a condition that never holds": (
        "choices:\n  stages.3.depth: [6, 7]\n  stages.3.S: {values: [1], when: {stages.3.depth: 8}}",
        "SPX716 6:52"),
    "a circle": (
        "choices:\n  stages.3.S: {values: [1], when: {stages.3.M: 1}}"
        "\n  stages.3.M: {values: [1], when: {stages.3.S: 1}}",
        "SPX717 5:3"),
    "a step of nothing": ("choices:\n  stages.3.S: {from: 1, to: 2, step: 0}", "SPX718 5:38"),
    "too many values": ("choices:\n  stages.3.channels: {from: 1, to: 20000}", "SPX718 5:22"),
    "lists of two lengths": (
        "choices:\n  width: {at: {stages.1.channels: [64], stages.2.channels: [64, 128]}}",
        "SPX719 5:15"),
    "a value that never fits": ("choices:\n  stages.3.depth: [5, 6]\n  stages.3.S: [2, 7]", "SPX720 6:19"),
    "a width that no group divides": ("choices:\n  stages.4.channels: [512, 510]", "SPX720 5:28"),
    "a range that never fits": ("choices:\n  stages.4.channels: {from: 513, to: 515}", "SPX720 5:3"),
    "a link that never fits": ("choices:\n  skip: {link: {from: stage4.layer1, to: stage3.layer1}}", "SPX720 5:16"),
    "values that exclude one another": (
        "choices:\n  stages.3.S: {from: 6, to: 7}\n  stages.3.depth: {from: 4, to: 5}\n  stages.3.M: {from: 1, to: 2}",
        "SPX721 5:15"),
    "windows that are never filled": ("choices:\n  stages.3.depth: [2, 3]\n  stages.3.M: [8, 9]", "SPX721 6:16"),
    "an amount of nothing": ("choices: {stages.3.S: [1]}\nbounds: {macs: {most: 3GiB}}", "SPX730 5:23"),
    "a bound upside down": ("choices: {stages.3.S: [1]}\nbounds: {macs: {least: 3G, most: 2G}}", "SPX731 5:16"),
    "a value of the wrong type": ("choices:\n  stages.3.S: [1, two]", "SPX103 5:19"),
    "a value out of range": ("choices:\n  stages.3.channels: {from: 0, to: 64}", "SPX104 5:22"),
    "an unknown kind": ("choices:\n  stages.*.layer.mixer: [{kind: ss2d}, {kind: ss3d}]", "SPX106 5:47"),
    "a layer's number that is none": ("choices:\n  stages.3.layers: [{0: {dpe: true}}]", "SPX104 5:22"),
    "an unknown option": ("choices:\n  layer.mixer: [{kind: ss2d, width: 3}]", "SPX101 5:30"),
    "two mistakes": ("choices:\n  stages.3.S: []\n  stages.9.S: [1]", "SPX712 5:15, SPX710 6:3"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the base in it."""
    shutil.copy(SPECS / "sparx_mamba_t.yaml", tmp_path)
    return tmp_path


def charged(path: Path, text: str) -> str:
    """The codes and places that a text is charged with."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_space(path)
    return ", ".join(f"{code} {line}:{column}" for code, line, column in places(caught.value.diagnostics))


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_is_charged_at_its_place(folder: Path, text: str, expected: str) -> None:
    """A broken space is refused with these codes, lines and columns, and no others."""
    assert charged(folder / "space.yaml", f"{HEAD}{text}\n") == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("name: x\nbase: sparx_mamba_t.yaml\n", "SPX702 1:1"),
        ("space: 2\nbase: sparx_mamba_t.yaml\n", "SPX703 1:8"),
        ("space: 1\n", "SPX702 1:1"),
        ("space: 1\nname: [x]\nbase: sparx_mamba_t.yaml\n", "SPX703 2:7"),
        ("space: 1\nname: ''\nbase: sparx_mamba_t.yaml\n", "SPX703 2:7"),
        ("space: 1\nname:\nbase: sparx_mamba_t.yaml\n", "SPX703 2:6"),
        ("space: 1\nbase: ../sparx_mamba_t.yaml\n", "SPX704 2:7"),
        ("space: 1\nbase: sparx_mamba_u.yaml\n", "SPX113 2:7"),
        ("space: 1\nbase: sparx_mamba_t.yaml\nspec: {sparx: 1}\n", "SPX703 3:1"),
        ("space: 1\nspec: {sparx: 1, name: x, stem: {kind: patch}, stages: 3}\n", "SPX103 2:56"),
    ],
)
def test_a_base_that_is_none(folder: Path, head: str, expected: str) -> None:
    """The top level and the base are checked before the choices are."""
    assert charged(folder / "space.yaml", f"{head}choices: {{stages.3.S: [1]}}\n") == expected


def test_help_names_what_was_meant(folder: Path) -> None:
    """A misspelt key, path or choice is answered with the closest one that there is."""
    for text, answer in (("chioces: {}", "choices"), ("choices: {stages.3.chanels: [1]}", "channels")):
        (folder / "space.yaml").write_text(HEAD + text, encoding="utf-8")
        with pytest.raises(sparx_dsl.SparxError) as caught:
            load_space(folder / "space.yaml")
        assert f'did you mean "{answer}"?' in [mistake.help for mistake in caught.value.diagnostics]


def test_the_values_of_stars_and_ranges_may_fit_in_part(folder: Path) -> None:
    """What a range or a star gives is dropped where it does not fit, and what is left is counted."""
    text = "choices:\n  stages.*.S: [1, 2, 3]\n  stages.4.channels: {from: 504, to: 512, step: 2}\n"
    (folder / "space.yaml").write_text(HEAD + text, encoding="utf-8")
    # S is at most 2 in the stages of two layers, 3 in the third; 504, 508 and 512 are multiples of the four groups.
    # In stage 1 as elsewhere, the window and the cross-stage connection make no difference to what fits.
    assert load_space(folder / "space.yaml").count == 2 * 2 * 3 * 2 * 3


def test_an_explicit_path_takes_the_place_of_a_star(folder: Path) -> None:
    """A key that is chosen by itself is left out of what a star stands for."""
    (folder / "space.yaml").write_text(f"{HEAD}choices: {{stages.*.S: [1, 2], stages.3.S: [3]}}\n", encoding="utf-8")
    space = load_space(folder / "space.yaml")
    assert [choice.name for choice in space.choices] == ["stages.1.S", "stages.2.S", "stages.4.S", "stages.3.S"]
    assert space.count == 8


def test_a_text_has_no_folder() -> None:
    """A space from text has its spec within, or names a base of the zoo."""
    spec = "{sparx: 1, name: x, stem: {kind: patch}, layer: {mixer: {kind: ssm}}, stages: [{channels: 8, depth: 2}]}"
    assert parse_space(f"space: 1\nspec: {spec}\nchoices: {{stages.1.depth: [1, 2]}}\n").count == 2
    assert parse_space(f"{HEAD}choices: {{stages.1.depth: [1, 2]}}\n").base.name == "sparx_mamba_t"
    with pytest.raises(sparx_dsl.SparxError) as caught:
        parse_space(f"{HEAD.replace('sparx_mamba_t', 'absent')}choices: {{stages.1.depth: [1, 2]}}\n")
    assert places(caught.value.diagnostics) == (("SPX112", 3, 7),)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"layer.mixer": [{"kind": "ss2d"}, None]}, "layer.mixer: null fits"),
        ({"stages.1.S": [2, None, None]}, "stages.1.S lists null twice"),
        ({"layer.mixer": [{"kind": "ss2d"}, {"kind": "window_attention", "heads": 5}]},
         "layer.mixer: {kind: window_attention, heads: 5} fits"),
        ({"stages.3.S": [2, 3], "stages.3.M": {"values": [1], "when": {"stages.3.S": [None]}}},
         "stages.3.S never has the value null"),
        ({"stem": [{"kind": "conv"}, {"kind": "conv"}]}, "stem lists conv twice"),
    ],
)  # fmt: skip
def test_values_are_named_as_a_space_writes_them(choices: dict[str, object], said: str) -> None:
    """A null is no "nothing", and a mapping no "a mapping"."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.make_space(sparx_dsl.load_spec("sparx_mamba_t"), choices)
    assert caught.value.diagnostics[0].message.startswith(said)
