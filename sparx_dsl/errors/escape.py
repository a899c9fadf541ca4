"""Characters that steer a terminal or hide text: which of them are unsafe to read, and all of them as visible escapes.

What is escaped where text is shown is more than what is unsafe: joiners and variation selectors, say, leave no mark of
their own, and are parts of emoji and of Persian words, so they may stand in a text that is read.
"""

from __future__ import annotations

import functools
import re

# Ranges of code points, both ends included.
_UNSAFE = (
    (0x00, 0x1F), (0x7F, 0x9F),  # C0, DEL and C1
    (0x061C, 0x061C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069),  # bidi controls
    (0x2028, 0x2029),  # line and paragraph separator
    (0xD800, 0xDFFF),  # surrogates
    (0xFEFF, 0xFEFF), (0xFFFE, 0xFFFF),  # byte order marks
)  # fmt: skip
# With the unsafe ones, these hold Unicode's category Cf and its default ignorable code points, some of which are not
# assigned yet and are left out by fonts all the same. A blank Braille pattern is neither, and looks like a space.
_HIDDEN = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x0600, 0x0605), (0x06DD, 0x06DD), (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2),  # Arabic, Syriac
    (0x115F, 0x1160), (0x3164, 0x3164), (0xFFA0, 0xFFA0),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors
    (0x200B, 0x200D), (0x2060, 0x2065), (0x206A, 0x206F),  # zero width, joiners, invisible operators
    (0x2800, 0x2800),  # blank Braille pattern
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFF0, 0xFFFB),  # interlinear annotations
    (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3),  # Kaithi, hieroglyphs, shorthand
    (0x1D173, 0x1D17A),  # beams, ties and slurs of music
    (0xE0000, 0xE0FFF),  # tags and more variation selectors
)  # fmt: skip
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


@functools.cache
def unsafe_pattern(allowed: str = "") -> re.Pattern[str]:
    """A pattern for one character that is unsafe to read; the characters in ``allowed`` do not match.

    Unsafe are C0, DEL, C1, line and paragraph separators, bidi controls, byte order marks, lone surrogates.
    """
    return _pattern(_UNSAFE, allowed)


@functools.cache
def hidden_pattern(allowed: str = "") -> re.Pattern[str]:
    """A pattern for one character that is escaped where text is shown; those in ``allowed`` do not match.

    These are the unsafe characters and those that are invisible: what Unicode calls format characters and default
    ignorable, fillers, and a blank Braille pattern. Spaces are none of them.
    """
    return _pattern((*_UNSAFE, *_HIDDEN), allowed)


def visible(text: str, allowed: str = "") -> str:
    """The text with every character that is unsafe or hidden, line breaks too, as its escape: ``\\x1b``, ``\\u200b``,
    ``\\U000e0020``; those in ``allowed`` stay."""
    return hidden_pattern(allowed).sub(lambda match: _escape(match[0]), text)


def quoted(text: str, length: int = 60) -> str:
    """The text as a message shows it: escaped, in double quotes, and cut to about ``length`` characters."""
    return f'"{visible(text)}"' if len(text) <= length else f'"{visible(text[:length])}…"'


def _pattern(ranges: tuple[tuple[int, int], ...], allowed: str) -> re.Pattern[str]:
    """A pattern for one character of the ranges, but for those that are allowed."""
    found = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
    # The exception comes second, for a search is fast where the pattern begins with a set.
    return re.compile(f"[{found}](?<![{re.escape(allowed)}])" if allowed else f"[{found}]")


def _escape(character: str) -> str:
    """One character as an escape."""
    code = ord(character)
    long = f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else long)
