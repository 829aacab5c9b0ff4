"""The key of a new strategy: its name, in letters that a key may have."""

import unicodedata

from django.utils.text import slugify

from strategies.models import LONGEST_KEY


def _letters(text: str) -> list[str]:
    return [each.strip("-") for each in text.split()]


# The Revised Romanization, letter by letter, as Unicode orders them: what begins a syllable, its
# vowel, and what ends it. The admin's form says the same in controls/hangul.js.
_INITIALS = _letters("g kk n d tt r m b pp s ss - j jj ch k t p h")
_VOWELS = _letters("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_FINALS = _letters("- k k k n n n t l k m l l l p l m p p t t ng t t k t p t")
_FIRST, _LAST = 0xAC00, 0xD7A3


def key_from(name: str) -> str:
    """What programs could call a strategy of this name; empty where no letter of it is left.

    Korean is written in Latin letters: without that, every strategy that is named in Korean would
    be called alike, and two bots would be told apart by a number only.
    """
    letters = "".join(_romanised(each) for each in unicodedata.normalize("NFC", name))
    return slugify(letters)[:LONGEST_KEY].rstrip("-")


def _romanised(letter: str) -> str:
    place = ord(letter) - _FIRST
    if not 0 <= place <= _LAST - _FIRST:
        return letter
    initial, rest = divmod(place, len(_VOWELS) * len(_FINALS))
    vowel, final = divmod(rest, len(_FINALS))
    return _INITIALS[initial] + _VOWELS[vowel] + _FINALS[final]
