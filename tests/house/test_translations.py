"""Korean is complete: every sentence and label has one, with the same placeholders."""

import re
from pathlib import Path

import pytest
import unfold
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.apps import apps
from django.utils import translation

from capital.domain.reasons import Code
from tests.house.messages import messages_of
from tests.paths import ROOT

CATALOGUE = ROOT / "locale" / "ko" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}")
THEME = Path(unfold.__file__).parent
# What of the theme is not installed here.
NOT_INSTALLED = tuple(
    f"contrib/{name}/"
    for name in (
        "constance",
        "guardian",
        "import_export",
        "inlines",
        "location_field",
        "simple_history",
    )
)


def _first(text: object) -> str:
    return str(text[0] if isinstance(text, tuple | list) else text)


def entries(catalogue: Catalog) -> dict[str, str]:
    """Korean by message id; one with a plural by its singular."""
    return {
        _first(entry.id): _first(entry.string) if entry.string else ""
        for entry in catalogue
        if entry.id
    }


def written() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return entries(read_po(file))


def untranslated(messages: set[str]) -> set[str]:
    """What is English in Korean. Django's own catalogues translate some words that we use."""
    with translation.override("ko"):
        return {message for message in messages if translation.gettext(message) == message}


def our_messages() -> set[str]:
    found = {code.english for code in Code}
    for app in ("capital", "strategies", "capital_project"):
        found |= messages_of(ROOT / app)
    return found


def theme_messages() -> set[str]:
    """unfold's; what Django's own catalogues translate is not ours to translate."""
    return messages_of(THEME, without=NOT_INSTALLED)


def test_every_message_of_ours_is_translated() -> None:
    assert untranslated(our_messages()) - set(written()) == set()
    assert [message for message, korean in written().items() if not korean] == []


def test_every_message_of_the_theme_is_translated() -> None:
    assert untranslated(theme_messages()) - set(written()) == set()


def test_no_translation_is_left_over() -> None:
    assert set(written()) - our_messages() - theme_messages() == set()


def test_every_model_is_named_in_korean() -> None:
    with translation.override("ko"):
        latin = {
            str(name)
            for model in apps.get_models()
            if model._meta.app_label in ("capital", "strategies")
            for name in (
                model._meta.verbose_name,
                model._meta.verbose_name_plural,
                model._meta.app_config.verbose_name,
                *(field.verbose_name for field in model._meta.fields if field.editable),
            )
            if str(name).isascii()
        }
    assert latin - {"ID", "API", "PnL"} == set()


@pytest.mark.parametrize("message", sorted(written()))
def test_translation_has_the_same_placeholders(message: str) -> None:
    assert sorted(PLACEHOLDER.findall(written()[message])) == sorted(PLACEHOLDER.findall(message))


def test_compiled_catalogue_is_the_one_that_is_written() -> None:
    """Otherwise run: make messages."""
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = entries(read_mo(file))

    assert compiled == written()
