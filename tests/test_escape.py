"""Characters that steer a terminal or hide text: which are refused, and which are escaped where text is shown."""

from __future__ import annotations

import sys

import pytest

import sparx_dsl
from sparx_dsl.errors import SparxError, quoted, render, visible
from sparx_dsl.errors.escape import hidden_pattern, unsafe_pattern
from tests.support.hidden import hides


def test_every_character_that_steers_or_hides_text_is_escaped() -> None:
    """As Python writes it, and no other is: not letters, digits, punctuation, emoji or spaces."""
    unknown = range(0x13430, 0x13440)  # Of which Python's tables lack some before Unicode 15.
    for character in map(chr, range(sys.maxunicode + 1)):
        escaped = hides(character) or ord(character) in unknown
        assert visible(character) == (character.encode("unicode_escape").decode() if escaped else character)
    plain = "aÅß漢ا9٣.,!?—«» \u00a0\u2003\u3000😀❤👍🏽🇩🇪e\u0301"
    assert visible(plain) == plain


def test_what_is_shown_as_it_is_is_safe_to_read() -> None:
    """What is refused is escaped where it is shown; parts of emoji and of Persian words are escaped, and read."""
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    refused, escaped = set(unsafe_pattern().findall(every)), set(hidden_pattern().findall(every))
    assert refused < escaped
    assert not refused & set("\u00ad\u200b\u200c\u200d\u2800\u3164\ufe0f\U000e0020")
    for pattern in (unsafe_pattern, hidden_pattern):
        assert set(pattern("\n\t\u202e").findall(every)) == set(pattern().findall(every)) - set("\n\t\u202e")
    assert visible("\n\t\x1b\u200b", "\n\t") == "\n\t\\x1b\\u200b"


@pytest.mark.parametrize("character", ["\u00ad", "\u200b", "\u200d", "\u2800", "\u3164", "\ufe0f", "\U000e0020"])
def test_no_message_about_a_spec_hides_a_character(character: str) -> None:
    """In names, keys, words and paths it shows as its escape, in the message and every style; comments may hold it."""
    good = "sparx: 1\nname: a\nstem: {kind: patch}\nlayer: {mixer: {kind: ss2d}}\nstages: [{channels: 8, depth: 1}]\n"
    assert sparx_dsl.parse_spec(f"# ❤{character}\n{good}").name == "a"
    written = character.encode("unicode_escape").decode()
    for old, new in (
        ("name: a", f'name: "x{character}y"'), ("name: a", f"name: a\nx{character}y: 1"), ("patch", f"x{character}y"),
        ("depth: 1", f"depth: x{character}y"), ("name: a", f"extends: ../x{character}y.yaml\nname: a"),
        ("name: a", f"name: a\nx{character}y: 1\nx{character}y: 1"), ("name: a", f"name: *x{character}y"),
        ("name: a", f"extends: x{character}y.yaml\nname: a"), ("channels: 8", f'name: "x{character}y", channels: 8'),
    ):  # fmt: skip
        with pytest.raises(SparxError) as caught:
            sparx_dsl.parse_spec(good.replace(old, new))
        found = caught.value.diagnostics
        said = [text for one in found for text in (one.message, one.help or "", *one.notes)]
        shown = [render(found, style) for style in ("full", "concise", "json", "sarif", "github")]
        assert not [text for text in (*said, *shown, str(caught.value)) if character in text]
        assert f"x{written}y" in shown[0]


def test_text_is_quoted_visibly_and_short() -> None:
    """Quoted text is escaped and cut."""
    assert quoted("a\x1b\u202e\n") == '"a\\x1b\\u202e\\n"'
    assert quoted("a" * 100, 5) == '"aaaaa…"'
    assert visible("\ud800漢") == "\\ud800漢"
