"""A reason's sentence, in the reader's language."""

from collections.abc import Mapping

from django.utils.translation import gettext

from capital.domain.reasons import Code, Reason


def sentence(reason: Reason) -> str:
    """What ``reason`` says, in the active language."""
    return gettext(reason.code.english).format(**reason.figures)


def sentence_of(code: str, figures: Mapping[str, str]) -> str:
    """The sentence of a stored code; the code itself where this version no longer knows it."""
    try:
        return sentence(Reason(Code(code), figures))
    except (ValueError, KeyError):
        return code


def outline_of(code: str, **known: str) -> str:
    """The sentence of a code whose figures were not kept: an ellipsis stands for each.

    Args:
        code: As it is stored.
        **known: Figures that are known all the same.
    """
    try:
        return gettext(Code(code).english).format_map(_Unknown(known))
    except (ValueError, KeyError):
        return code


class _Unknown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"
