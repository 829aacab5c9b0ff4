"""Texts that a spreadsheet would run, were they a cell of a CSV file."""

import unicodedata

# What a spreadsheet takes for the beginning of a formula, as it is or at its full width.
_BEGINNINGS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run the text, or might take it for something to be run."""
    return text.startswith(_BEGINNINGS) or _begin(text).startswith(_BEGINNINGS)


def _begin(text: str) -> str:
    """The text from its first visible letter on: what is before it does not stop spreadsheets."""
    at = next((at for at, letter in enumerate(text) if _is_visible(letter)), len(text))
    return text[at:]


def _is_visible(letter: str) -> bool:
    # Not spaces and ends of lines (Z), not control and format characters (C), no lone accents (M),
    # and not the Korean fillers, which are letters that show nothing.
    return unicodedata.category(letter)[0] not in "ZCM" and letter not in "\u115f\u1160\u3164\uffa0"
