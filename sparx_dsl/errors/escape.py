"""Text that is safe to print: characters that steer a terminal or hide text come out as visible escapes."""

from __future__ import annotations

import functools
import re

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_INVISIBLE = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0xFFFE, 0xFFFF)
_SURROGATES = r"\ud800-\udfff"
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


@functools.cache
def unsafe_pattern(allowed: str = "") -> re.Pattern[str]:
    """A pattern for one unsafe character; the characters in ``allowed`` do not match.

    Unsafe are C0, DEL, C1, line and paragraph separators, bidi controls, byte order marks, lone surrogates.
    """
    unsafe = "".join(f"\\u{code:04x}" for code in (*_CONTROLS, *_INVISIBLE) if chr(code) not in allowed)
    return re.compile(f"[{unsafe}{_SURROGATES}]")


def visible(text: str) -> str:
    """The text with every unsafe character, line breaks too, as its escape: ``\\x1b``, ``\\u202e``."""
    return unsafe_pattern().sub(lambda match: _escape(match[0]), text)


def quoted(text: str, length: int = 60) -> str:
    """The text as a message shows it: escaped, in double quotes, and cut to about ``length`` characters."""
    return f'"{visible(text)}"' if len(text) <= length else f'"{visible(text[:length])}…"'


def _escape(character: str) -> str:
    """One character as an escape."""
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
