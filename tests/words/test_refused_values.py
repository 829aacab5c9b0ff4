"""What is refused says what would be taken, on every face, in both languages."""

from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import translation
from rest_framework import serializers

from capital.models import Account
from strategies.models import Strategy
from tests.api.client import Bot, problem
from tests.factories import make_account, make_strategy, make_user, trust

pytestmark = pytest.mark.django_db

CHOICES = [("spot", "Spot"), ("More", [("futures", "Futures")])]


class Form(forms.Form):
    market = forms.ChoiceField(choices=CHOICES)
    markets = forms.MultipleChoiceField(choices=CHOICES)
    day = forms.DateField()
    hour = forms.TimeField()
    moment = forms.DateTimeField()


def test_a_form_names_choices_and_how_times_are_written() -> None:
    given = {"market": "margin", "markets": ["spot", "x"], "day": "y", "hour": "y", "moment": "y"}
    errors = {name: texts[0] for name, texts in Form(given).errors.items()}

    assert errors == {
        "market": "Select a valid choice. margin is not one of the available choices. Choose one "
        "of: spot, futures.",
        "markets": "Select a valid choice. x is not one of the available choices. Choose one of: "
        "spot, futures.",
        "day": "Enter a date such as 2026-11-30.",
        "hour": "Enter a time of day such as 22:30.",
        "moment": "Enter a date and a time such as 2026-11-30 22:30.",
    }


def test_what_a_form_asks_for_it_takes() -> None:
    given = {
        "market": "futures",
        "markets": ["spot", "futures"],
        "day": "2026-11-30",
        "hour": "22:30",
        "moment": "2026-11-30 22:30",
    }

    assert Form(given).is_valid()


def test_a_model_names_its_choices() -> None:
    strategy = Strategy(owner=make_user(), key="k", name="n", market_type="margin")

    with pytest.raises(ValidationError) as caught:
        strategy.clean_fields()

    assert caught.value.message_dict == {
        "market_type": ["Value 'margin' is not a valid choice. Choose one of: spot, futures."]
    }
    assert caught.value.error_dict["market_type"][0].code == "invalid_choice"


def test_many_choices_are_cut_short() -> None:
    field = models.CharField(choices=[(str(number), "") for number in range(31)])

    with pytest.raises(ValidationError) as caught:
        field.validate("x", None)

    assert caught.value.messages[0].endswith("28, 29, ….")


def test_the_api_names_choices_of_fields_and_of_filters() -> None:
    account = make_account()
    make_strategy(owner=account.owner)
    bot = Bot(trust(account.owner))

    (field,) = problem(bot.patch(f"accounts/{account.pk}/", {"policy": "luck"}), 400)["errors"]
    (filtered,) = problem(bot.get("strategies/?status=LOST"), 400)["errors"]

    assert (field["field"], field["code"]) == ("policy", "invalid_choice")
    assert field["detail"] == (
        '"luck" is not a valid choice. Choose one of: weights, own_profit, inverse_volatility.'
    )
    assert filtered["detail"].endswith("Choose one of: ACTIVE, PAUSED, ARCHIVED.")
    assert Account.objects.get().policy == "weights"


@pytest.mark.parametrize(
    "refuse",
    [
        lambda: serializers.ChoiceField(choices=["spot"]).run_validation("x"),
        lambda: forms.ChoiceField(choices=CHOICES).clean("x"),
        lambda: forms.DateField().clean("x"),
        lambda: forms.TimeField().clean("x"),
        lambda: forms.DateTimeField().clean("x"),
    ],
)
def test_it_is_said_in_korean_too(refuse: Any) -> None:
    with translation.override("ko"):
        with pytest.raises((ValidationError, serializers.ValidationError)) as caught:
            refuse()
        error: Any = caught.value
        text = str(error.detail[0]) if hasattr(error, "detail") else error.messages[0]

    assert text.endswith("요.") or "spot" in text
    assert "Choose" not in text
    assert "Enter" not in text


def test_other_refusals_stay_as_they_are() -> None:
    with pytest.raises(ValidationError) as caught:
        forms.ChoiceField(choices=CHOICES).clean("")

    assert caught.value.messages == ["This field is required."]
