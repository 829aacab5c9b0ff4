"""What the models' constraints say, in every language."""

import re
from datetime import date

import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import BaseConstraint, DateField, Model, Q, QuerySet, UniqueConstraint
from django.utils import translation

from capital.domain.particles import is_open
from capital.models import Account
from tests.factories import make_user
from tests.models.refusals import errors_of

CONSTRAINTS = [
    constraint
    for app in ("capital", "strategies")
    for model in apps.get_app_config(app).get_models()
    for constraint in model._meta.constraints
]


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda constraint: constraint.name)
def test_message_of_every_constraint_can_be_formatted(
    constraint: BaseConstraint, language: str
) -> None:
    """Django formats it: a bare percent sign would be a server error."""
    with translation.override(language):
        message = constraint.get_violation_error_message()

    assert message
    assert "%" not in message


@pytest.mark.django_db
def test_faults_of_several_fields_are_told_together_and_each_at_its_field() -> None:
    account = Account(owner=make_user(), name="Main", venue="ftx", fee_rate=2, reserve_percent=150)

    assert errors_of(account).keys() == {"venue", "fee_rate", "reserve_percent"}


@pytest.mark.django_db
def test_account_without_a_venue_is_judged_by_nothing_else() -> None:
    assert errors_of(Account(owner=make_user(), name="Main")).keys() == {"venue"}
    assert NON_FIELD_ERRORS not in errors_of(Account(owner=make_user(), name="Main", venue="ftx"))


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
@pytest.mark.parametrize(
    ("model", "constraint"),
    [
        pytest.param(model, constraint, id=constraint.name)
        for app in ("capital", "strategies")
        for model in apps.get_app_config(app).get_models()
        for constraint in model._meta.constraints
    ],
)
def test_broken_constraint_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, model: type[Model], constraint: BaseConstraint, language: str
) -> None:
    """Whatever a constraint compares: here nothing meets it, and every row exists already."""
    is_unique = isinstance(constraint, UniqueConstraint)
    # One that holds under a condition is met by every row.
    monkeypatch.setattr(Q, "check", lambda *_args, **_given: is_unique)
    monkeypatch.setattr(QuerySet, "exists", lambda _self: True)
    row = model()
    for name in getattr(constraint, "fields", ()):
        field = model._meta.get_field(name)
        value = date(2026, 11, 26) if isinstance(field, DateField) else 1
        setattr(row, field.attname, value)  # type: ignore[union-attr]

    with translation.override(language):
        with pytest.raises(ValidationError) as broken:
            constraint.validate(model, row)
        told = broken.value.messages

    assert told
    assert all(text.endswith(".") and not is_open(text) for text in told)
    assert all(bool(re.search("[가-힣]", text)) == (language == "ko") for text in told)
