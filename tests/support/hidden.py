"""Which characters hide, by Unicode's own tables: what is shown of a text has none of them."""

from __future__ import annotations

import re
import unicodedata

IGNORABLE = re.compile(
    "[\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164"
    "\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff]"
)
"""What Unicode calls default ignorable, of which Python has no table: shown as nothing, or as a blank."""


def hides(character: str) -> bool:
    """Whether a character steers a terminal, hides or turns text, or is no character, by Unicode's own tables."""
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in turning
        or IGNORABLE.match(character) is not None
        or character in "\u2800\ufffe\uffff"
    )
