"""Korean particles that fit the word before them: ``배분 #14는``, ``배분 #16으로``, ``USDT를``.

A particle has one form after a vowel and one after a consonant. A message with a placeholder is
written with both, ``{venue}은(는)``; ``resolve`` picks one once the word is there.
"""

import re
import unicodedata
from enum import Enum, auto


class Ending(Enum):
    """How a word ends when it is read aloud."""

    VOWEL = auto()
    CONSONANT = auto()
    # ㄹ: a consonant to every particle but (으)로.
    RIEUL = auto()


def resolve(text: str) -> str:
    """Replace both forms of each particle by the one that fits, so that none is left.

    The word before the particle is read as a Korean trader does: digits as numbers, a code in
    capitals letter by letter, any other Latin word by its sound. Quotes, HTML and a bracket
    between the word and its particle are passed over. What cannot be read, such as a dash,
    counts as ending in a vowel.
    """
    if not is_open(text):
        return text
    parts: list[str] = []
    end = 0
    for match in _PARTICLE.finditer(text):
        read = ending(text[max(0, match.start() - _CONTEXT) : match.start()])
        parts += [text[end : match.start()], _fitting(match["written"], read)]
        end = match.end()
    return "".join([*parts, text[end:]])


def is_open(text: str) -> bool:
    """Whether the text contains a particle in both forms."""
    return not text.isascii() and _PARTICLE.search(text) is not None


def ending(text: str) -> Ending:
    """How the last word of ``text`` ends."""
    word = _PASSED_OVER.sub("", text) or _ONLY_A_BRACKET.sub("", text)
    last = unicodedata.normalize("NFC", word)[-1:]
    if last in _SIGNS:
        return _SIGNS[last]
    if "가" <= last <= "힣":
        return _FINALS.get((ord(last) - ord("가")) % 28, Ending.CONSONANT)
    latin = unicodedata.normalize("NFKD", word)
    if number := _NUMBER.search(latin):
        return _ending_of_number(number["whole"].replace(",", ""), number["fraction"])
    if name := _NAME.search("".join(each for each in latin if not unicodedata.combining(each))):
        return _ending_of_name(name[0])
    return Ending.VOWEL


def _fitting(written: str, read: Ending) -> str:
    after_vowel, after_consonant = _FORMS[written]
    if written == "(으)" and read is Ending.RIEUL:
        return after_vowel
    return after_vowel if read is Ending.VOWEL else after_consonant


def _ending_of_number(whole: str, fraction: str | None) -> Ending:
    """Whole numbers are read with their powers of ten, decimals digit by digit."""
    zeros = len(whole) - len(whole.rstrip("0"))
    if fraction is None and 0 < zeros < len(whole):
        # 십, 백, 천, 만, 억 and 경 end in a consonant; 조 and 해 do not.
        return Ending.VOWEL if 12 <= zeros < 16 or 20 <= zeros < 24 else Ending.CONSONANT
    return _DIGITS[(fraction or whole)[-1]]


def _ending_of_name(name: str) -> Ending:
    word = name.lower()
    if word in _WORDS:
        return _WORDS[word]
    is_code = name.isupper() and len(name) <= 5
    if is_code or len(name) == 1 or not _VOWELS.search(word):
        return _LETTERS.get(word[-1], Ending.VOWEL)
    return next((read for sound, read in _SOUNDS if sound.search(word)), Ending.VOWEL)


# Every way in which both forms are written, here and in the catalogues of libraries.
_FORMS = {
    written: (vowel, consonant)
    for vowel, consonant in (("는", "은"), ("가", "이"), ("를", "을"), ("와", "과"))
    for one, other in ((vowel, consonant), (consonant, vowel))
    for written in (f"{one}({other})", f"({one}){other}", f"{one}/{other}")
} | {"(으)": ("", "으"), "(이)": ("", "이")}
_PARTICLE = re.compile(
    # Some libraries have a blank before it.
    r"[ \u00a0]?(?P<written>"
    + "|".join(
        re.escape(written)
        # 추가/이전 has no particle; (으)로 and (이)며 do.
        + ("(?![가-힣])" if "/" in written else "(?=[가-힣])" if len(written) == 3 else "")
        for written in sorted(_FORMS, key=len, reverse=True)
    )
    + ")"
)

# So far back is looked for the word: a link's markup may stand between.
_CONTEXT = 500
_MARKUP = r"<[^<>]*>|&\#?\w+;"
_UNREAD = r"[^\w%$₩€£¥]|_"
# Possessive: names are anybody's, and must not cost more than one look.
_PASSED_OVER = re.compile(rf"(?:{_MARKUP}|\([^()]*\)|{_UNREAD})++$")
_ONLY_A_BRACKET = re.compile(rf"(?:{_MARKUP}|{_UNREAD})++$")

_FINALS = {0: Ending.VOWEL, 8: Ending.RIEUL}
_SIGNS = {
    "%": Ending.VOWEL,
    "$": Ending.VOWEL,
    "€": Ending.VOWEL,
    "£": Ending.VOWEL,
    "₩": Ending.CONSONANT,
    "¥": Ending.CONSONANT,
}
_NUMBER = re.compile(r"(?P<whole>[0-9][0-9,]*)(?P<fraction>\.[0-9]+)?$")
_DIGITS = {
    "0": Ending.CONSONANT,
    "1": Ending.RIEUL,
    "2": Ending.VOWEL,
    "3": Ending.CONSONANT,
    "4": Ending.VOWEL,
    "5": Ending.VOWEL,
    "6": Ending.CONSONANT,
    "7": Ending.RIEUL,
    "8": Ending.RIEUL,
    "9": Ending.VOWEL,
}
_NAME = re.compile(r"[A-Za-z]+$")
# 엘, 알, 엠 and 엔; all others end in a vowel.
_LETTERS = {
    "l": Ending.RIEUL,
    "r": Ending.RIEUL,
    "m": Ending.CONSONANT,
    "n": Ending.CONSONANT,
}
_VOWELS = re.compile("[aeiouy]")
# By the sound of their last letters: 트레이딩, 머신, 볼륨; 채널, 캔들; 훅, 백; 봇, 스톱, 클럽.
_SOUNDS = (
    (re.compile(r"(?:[mn]e?|ng)$"), Ending.CONSONANT),
    (re.compile(r"le?$"), Ending.RIEUL),
    (re.compile(r"(?:ck|oo?k)$"), Ending.CONSONANT),
    (re.compile(r"(?:(?<![aeiou])(?:[aeou][tb]|[aeiou]p)|out)$"), Ending.CONSONANT),
)
# What the sounds above would get wrong.
_WORDS = {
    "bithumb": Ending.CONSONANT,
    "short": Ending.CONSONANT,
    "profit": Ending.CONSONANT,
    "limit": Ending.CONSONANT,
    "sol": Ending.RIEUL,
    "eur": Ending.VOWEL,
}
