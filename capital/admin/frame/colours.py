"""The colours of gains and losses: those that the user chose, or those of the language."""

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import get_language

from capital.models import ChangeColours
from capital.services.access import change_colours_of

# Where gains are red and losses blue, as on Korean exchanges.
_RED_UP_LANGUAGES = frozenset({"ko"})


def stylesheet(request: HttpRequest) -> str:
    """The address of the style sheet with the user's colours."""
    chosen = change_colours_of(request.user)
    if chosen is ChangeColours.AUTOMATIC:
        is_red_up = get_language() in _RED_UP_LANGUAGES
    else:
        is_red_up = chosen is ChangeColours.RED_UP
    return static("capital/red-up.css" if is_red_up else "capital/green-up.css")
