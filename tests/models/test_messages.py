"""What the models' constraints say, in every language."""

import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import BaseConstraint
from django.utils import translation

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
