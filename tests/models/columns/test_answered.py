"""A database that does not answer breaks no rule."""

from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection
from django.db.models import UniqueConstraint

from capital.models import Flow
from capital.models.columns.answered import AnsweredRules
from tests.api.client import Bot, permit, problem
from tests.factories import make_account, make_flow, make_link

TOLD = {"pool": "spot", "kind": "deposit", "currency": "USDT", "amount": "7"}
KEY = {"Idempotency-Key": "deposit-1"}


def be_silent_when_asked_for_rules(
    execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """As where the connection ended, or a statement took too long."""
    if "_check" in sql:
        connection.errors_occurred = True
        raise OperationalError
    return execute(sql, params, many, context)


@pytest.mark.django_db
def test_deposit_is_not_refused_for_good_by_a_database_that_did_not_answer() -> None:
    account = make_account()
    bot = Bot(permit(account.owner, "capital.change_flows"), scope="allocate")
    path, body = f"accounts/{account.pk}/flows/", {**TOLD, "occurred_at": "2026-11-24T18:00:00Z"}

    with connection.execute_wrapper(be_silent_when_asked_for_rules):
        answer = problem(bot.post(path, body, **KEY), 503)
    connection.errors_occurred = False

    assert answer["code"] == "database_error"
    assert not Flow.objects.exists()
    assert bot.post(path, body, **KEY).status_code == 201


@pytest.mark.django_db
def test_rule_that_is_broken_is_told() -> None:
    flow = make_flow(make_link().account, venue_flow_id="7")
    flow.pk = None

    with pytest.raises(ValidationError, match="flow_once"):
        flow.validate_constraints()


def test_every_rule_about_some_rows_is_asked_so() -> None:
    asked = {
        model
        for model in apps.get_models()
        for rule in model._meta.constraints
        if isinstance(rule, UniqueConstraint) and rule.condition is not None
    }

    assert Flow in asked
    assert {model for model in asked if not issubclass(model, AnsweredRules)} == set()
