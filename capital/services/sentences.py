"""A reason's sentence, in the reader's language."""

import re
from collections.abc import Mapping
from string import Formatter

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from capital.domain.particles import resolve
from capital.domain.reasons import Code, Reason
from capital.services.figures import shown
from capital.services.labels import has_label, label

_UNKNOWN = "…"
# What is said where the figures of a sentence are not known, and it would be full of holes.
_OUTLINES = {
    Code.EXCHANGE_PAUSED: _(
        "{venue} failed several times in a row, so it is asked less often until it answers."
    ),
}
# A figure of ours that a sentence may begin with; an exchange's or an account's name stays.
_OURS = ("{field}", "{pool}", "{row}")
# A bracket of which nothing is known but marks: ``(… … < …)``.
_EMPTY_BRACKET = re.compile(r" ?\([^\w()]*…[^\w()]*\)")
# A list of which nothing is known: ``these pools keep what they have: ….``
_EMPTY_LIST = re.compile(r": …(?=[.]|$)")


def sentence(reason: Reason) -> str:
    """What ``reason`` says, in the active language."""
    return _written(reason, shown(reason), reason.code.english)


def sentence_of(code: str, figures: Mapping[str, str]) -> str:
    """The sentence of a stored code; the code itself where this version no longer knows it."""
    try:
        return sentence(Reason(Code(code), figures))
    except (ValueError, KeyError):
        return code


def outline_of(code: str, **known: str) -> str:
    """What is left to say of a code whose figures were not kept.

    Its sentence without the brackets and lists of which nothing is known, if that leaves no gap;
    else its label; else the sentence with an ellipsis for each figure.

    Args:
        code: As it is stored.
        **known: Figures that are known all the same.
    """
    reason = Reason(found, known) if (found := Code.get(code)) is not None else None
    if reason is None:
        return label(code)
    english = _OUTLINES.get(reason.code, reason.code.english)
    names = {name for _, name, _, _ in Formatter().parse(english) if name}
    text = _written(reason, dict.fromkeys(names, _UNKNOWN) | shown(reason), english)
    text = _EMPTY_LIST.sub("", _EMPTY_BRACKET.sub("", text))
    return label(code) if _UNKNOWN in text and has_label(code) else text


def _written(reason: Reason, figures: Mapping[str, str], english: str) -> str:
    text = resolve(reason.outlined(gettext(english)).format(**figures))
    return text[:1].upper() + text[1:] if english.startswith(_OURS) else text
