"""Korean is complete: every sentence and label has one, with the same placeholders."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.utils import translation

from tests.factories import make_user
from tests.house.catalogue import (
    CATALOGUE,
    SCRIPTS,
    first,
    key_of,
    library_messages,
    our_messages,
    read,
    theme_messages,
    untranslated,
    update,
    write,
)
from tests.house.messages import messages_of

PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[srd](?![A-Za-z])|\{\w*\}")


def entries(catalogue: Catalog) -> dict[str, str]:
    """Korean by what it is looked up by; one with a plural by its singular."""
    return {
        key_of(entry): first(entry.string) if entry.string else ""
        for entry in catalogue
        if entry.id
    }


@cache
def written() -> dict[str, str]:
    return entries(read())


def test_every_message_of_ours_is_translated() -> None:
    assert untranslated(our_messages()).keys() - written().keys() == set()
    assert [message for message, korean in written().items() if not korean] == []


def test_every_message_of_the_theme_is_translated() -> None:
    assert untranslated(theme_messages()).keys() - written().keys() == set()


def test_no_translation_is_left_over() -> None:
    said = our_messages() | theme_messages() | library_messages()

    assert written().keys() - said.keys() == set()


def test_plural_of_a_library_is_translated_as_one() -> None:
    plural = {message for message, other in library_messages().items() if other}
    alone = {key_of(entry) for entry in read() if not isinstance(entry.id, tuple)}

    assert alone & plural - our_messages().keys() == set()


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


def test_translation_has_the_same_placeholders() -> None:
    other = {
        message: korean
        for message, korean in written().items()
        if sorted(PLACEHOLDER.findall(korean)) != sorted(PLACEHOLDER.findall(message))
    }

    assert other == {}


def test_compiled_catalogue_is_the_one_that_is_written() -> None:
    """Otherwise run: make messages."""
    for path in (CATALOGUE, SCRIPTS):
        with path.with_suffix(".mo").open("rb") as file:
            assert entries(read_mo(file)) == entries(read(path))


def test_compiling_again_changes_nothing() -> None:
    """Without a date of its own, a compiled catalogue has that of the day."""
    for path in (CATALOGUE, SCRIPTS):
        assert "POT-Creation-Date: 2" in path.read_text(encoding="utf-8"), path


def test_scripts_say_what_django_says_in_our_words() -> None:
    """What Django no longer says is not found in its own catalogue."""
    django = Path(admin.__file__).parent / "locale/ko/LC_MESSAGES/djangojs.mo"
    with django.open("rb") as file:
        theirs = entries(read_mo(file))
    ours = entries(read(SCRIPTS))

    assert ours.keys() - theirs.keys() == set()
    assert [each for each, korean in ours.items() if korean in ("", theirs[each])] == []
    for message, korean in ours.items():
        assert sorted(PLACEHOLDER.findall(korean)) == sorted(PLACEHOLDER.findall(message))


@pytest.mark.django_db
def test_bar_of_ticked_rows_counts_as_a_korean_does(client: Client) -> None:
    client.force_login(make_user(is_staff=True))

    said = client.get("/admin/jsi18n/", headers={"accept-language": "ko"}).content.decode()

    catalogue = json.loads(re.search(r"newcatalog = (\{.*?\});", said, re.S)[1])  # type: ignore[index]
    assert "%(cnt)s개 중 %(sel)s개 선택됨" in catalogue["%(sel)s of %(cnt)s selected"]


# Bringing it up to date


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalog:
    path = tmp_path / "django.po"
    path.write_text(
        '# Korean.\nmsgid ""\nmsgstr ""\n"Plural-Forms: nplurals=1; plural=0;\\n"\n"Content-Type:'
        ' text/plain; charset=utf-8\\n"\n\nmsgid "Zulu"\nmsgstr "줄루"\n\nmsgid "Alpha"\n'
        'msgstr "알파"\n',
        encoding="utf-8",
    )
    return read(path)


def ids(catalogue: Catalog) -> list[object]:
    return [message.id for message in catalogue if message.id]


def test_new_message_comes_to_the_end_and_waits_for_its_korean(catalogue: Catalog) -> None:
    said = {"Alpha": None, "one line": "many lines", "Zulu": None}

    assert update(catalogue, said, {"one line": "many lines"}) == ["one line"]

    assert ids(catalogue) == ["Zulu", "Alpha", ("one line", "many lines")]
    assert entries(catalogue) == {"Zulu": "줄루", "Alpha": "알파", "one line": ""}


def test_what_nobody_says_any_more_is_kept_and_comes_back(
    catalogue: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "written.po"

    assert update(catalogue, {"Alpha": None}, {}) == []
    write(catalogue, path)
    assert ids(read(path)) == ["Alpha"]
    assert '#~ msgid "Zulu"\n#~ msgstr "줄루"' in path.read_text(encoding="utf-8")

    catalogue = read(path)
    assert update(catalogue, {"Alpha": None, "Zulu": None}, {"Zulu": None}) == []
    assert entries(catalogue) == {"Alpha": "알파", "Zulu": "줄루"}


def test_second_time_changes_nothing(tmp_path: Path) -> None:
    """Otherwise run: make messages."""
    once, twice = tmp_path / "once.po", tmp_path / "twice.po"
    said = our_messages() | theme_messages()
    missing = untranslated(said)
    for source, target in ((CATALOGUE, once), (once, twice)):
        catalogue = read(source)
        update(catalogue, said | library_messages(), missing)
        write(catalogue, target)

    assert once.read_text(encoding="utf-8") == twice.read_text(encoding="utf-8")
    assert once.read_text(encoding="utf-8") == CATALOGUE.read_text(encoding="utf-8")


def test_message_with_another_context_is_another_message(
    catalogue: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "written.po"
    said = {"Alpha": None, "Zulu": None, "first\x04Alpha": None, "last\x04one": "many"}
    missing = {text: plural for text, plural in said.items() if "\x04" in text}

    update(catalogue, said, missing)
    write(catalogue, path)
    assert 'msgctxt "first"\nmsgid "Alpha"\nmsgstr ""' in path.read_text(encoding="utf-8")

    catalogue = read(path)
    catalogue.get("Alpha", "first").string = "첫째"  # type: ignore[union-attr]
    for said_later in ({"Alpha": None, "Zulu": None}, said):
        update(catalogue, said_later, {})
        write(catalogue, path)
        catalogue = read(path)
    assert entries(catalogue) == {
        "Zulu": "줄루", "Alpha": "알파", "first\x04Alpha": "첫째", "last\x04one": ""
    }  # fmt: skip


def test_messages_are_found_in_modules_and_templates_with_their_plurals(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(
        "from django.utils.translation import gettext_lazy as _, ngettext\n"
        "x = _('One'), ngettext('one row', 'rows', 2), f('none')",
        encoding="utf-8",
    )
    (tmp_path / "page.html").write_text(
        "{% load i18n %}{% translate 'Two' %}{% blocktranslate count n=n trimmed %}a line"
        "{% plural %}lines{% endblocktranslate %}none",
        encoding="utf-8",
    )

    assert messages_of(tmp_path) == {
        "One": None, "one row": "rows", "Two": None, "a line": "lines"
    }  # fmt: skip


def test_messages_are_found_with_their_contexts(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(
        "from django.utils.translation import npgettext, pgettext, pgettext_lazy\n"
        "x = pgettext('a', 'One'), pgettext_lazy('b', 'One'), npgettext('c', 'row', 'rows', 2)",
        encoding="utf-8",
    )
    (tmp_path / "page.html").write_text(
        "{% load i18n %}{% translate 'One' context 'd' %}{% translate 'One' %}"
        "{% blocktranslate context 'e' trimmed %}One{% endblocktranslate %}"
        "{% blocktranslate count n=n context 'f' trimmed %}row{% plural %}rows"
        "{% endblocktranslate %}",
        encoding="utf-8",
    )

    assert messages_of(tmp_path) == {
        "a\x04One": None,
        "b\x04One": None,
        "c\x04row": "rows",
        "d\x04One": None,
        "One": None,
        "e\x04One": None,
        "f\x04row": "rows",
    }
