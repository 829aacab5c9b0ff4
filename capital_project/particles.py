"""Every message decides its Korean particles once its figures are in.

Django hands out a message as a text and formats it elsewhere: ``_("…") % {…}``, ``.format(…)``,
``{% blocktranslate %}``, a form's or a library's error. So a message with an open particle is
handed out as a text that resolves itself when it is formatted. Nothing else is touched: what
people typed is shown, and sent back by forms, as they typed it.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.utils.translation import trans_real

from capital.domain.particles import is_open, resolve


class OpenMessage(str):
    """A message whose particles depend on figures that it has not got yet."""

    __slots__ = ()

    def __str__(self) -> str:
        """Stays what it is: lazy messages pass through ``str`` before they are formatted."""
        return self

    def __mod__(self, figures: Any) -> str:
        return resolve(super().__mod__(figures))

    def format(self, *args: Any, **figures: Any) -> str:
        """As of ``str``."""
        return resolve(super().format(*args, **figures))

    def format_map(self, figures: Any, /) -> str:
        """As of ``str``."""
        return resolve(super().format_map(figures))


_PLACEHOLDER = re.compile(r"%[(a-z]|\{")


def install() -> None:
    """Let Django's translations, those of every language and library, hand out such messages."""
    for name in ("gettext", "ngettext"):
        setattr(trans_real.DjangoTranslation, name, _handing_out(name))


def _handing_out(name: str) -> Callable[..., str]:
    original = getattr(trans_real.DjangoTranslation, name)

    def translate(self: Any, *args: Any) -> str:
        return _handed_out(original(self, *args))

    return translate


@lru_cache(maxsize=4096)
def _handed_out(message: str) -> str:
    if not is_open(message):
        return message
    return OpenMessage(message) if _PLACEHOLDER.search(message) else resolve(message)
