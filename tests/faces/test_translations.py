"""Korean is complete: every sentence and label has one, with the same placeholders."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from capital.domain.reasons import ENGLISH

REPOSITORY = Path(__file__).resolve().parents[2]
CATALOGUE = REPOSITORY / "locale" / "ko" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
TRANSLATE_TAG = re.compile(r'{% translate "([^"]+)" %}')
KEYWORDS = {"_": None, "gettext": None, "gettext_lazy": None}


def catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id}


def used_messages() -> set[str]:
    found = set(ENGLISH.values())
    for app in ("capital", "strategies", "capital_project"):
        for _, _, message, _, _ in extract_from_dir(REPOSITORY / app, keywords=KEYWORDS):
            found.add(str(message))
        for template in (REPOSITORY / app).rglob("*.html"):
            found.update(TRANSLATE_TAG.findall(template.read_text(encoding="utf-8")))
    return found


def test_every_message_is_translated_and_none_is_left_over() -> None:
    translated = catalogue()

    assert used_messages() - set(translated) == set()
    assert set(translated) - used_messages() == set()
    assert [message for message, korean in translated.items() if not korean] == []


@pytest.mark.parametrize("message", sorted(used_messages()))
def test_translation_has_the_same_placeholders(message: str) -> None:
    assert sorted(PLACEHOLDER.findall(catalogue()[message])) == sorted(PLACEHOLDER.findall(message))


def test_compiled_catalogue_is_the_one_that_is_written() -> None:
    """Otherwise run: make messages."""
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = {str(entry.id): str(entry.string) for entry in read_mo(file) if entry.id}

    assert compiled == catalogue()
