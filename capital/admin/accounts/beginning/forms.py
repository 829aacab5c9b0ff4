"""What each of the first steps asks."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from capital.admin.accounts.form import AccountForm, CredentialInput
from capital.admin.frame.base import ExactInput
from capital.admin.frame.editable import SecretField
from capital.models import Account, StrategyAccount
from capital.models.columns.exact import FiniteDecimalField
from capital.services.accounts import asked_credentials, is_proven, markets_of
from capital.services.labels import POOL_NAMES
from strategies.models import Strategy

VENUE_FIELDS = ("venue", "name", "currency", "wallet_mode", "is_sandbox")


class VenueForm(AccountForm):
    """Where the account is, and what it is called."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["venue"].widget.attrs["autofocus"] = True

    def _get_validation_exclusions(self) -> set[str]:
        """The owner is given, so that a name that is taken is said here."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"owner"}

    class Meta(AccountForm.Meta):
        fields = VENUE_FIELDS
        widgets = {  # Django's way
            "name": UnfoldAdminTextInputWidget({"autocomplete": "off"}),
            "currency": UnfoldAdminTextInputWidget({"autocomplete": "off"}),
            "wallet_mode": UnfoldAdminSelectWidget(),
            "is_sandbox": UnfoldBooleanWidget(),
        }


class KeysForm(forms.Form):
    """The credentials that the exchange asks for. What is stored is never shown."""

    def __init__(self, venue: str, account: Account | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in asked_credentials(venue):
            field: Any = Account._meta.get_field(name)
            is_set = account is not None and bool(account.__dict__.get(name))
            self.fields[name] = SecretField(
                label=field.verbose_name,
                # Of an exchange that is not tested, nobody knows what it asks for.
                required=not is_set and is_proven(venue),
                widget=CredentialInput(is_set=is_set),
            )
        next(iter(self.fields.values())).widget.attrs["autofocus"] = True

    @property
    def typed(self) -> dict[str, str]:
        """What was typed, by the account's fields; the form is valid."""
        return {name: self.cleaned_data[name] for name in self.fields if self.cleaned_data[name]}


class NewStrategyForm(forms.Form):
    """One row: a strategy that is to trade on the account. An empty row is none."""

    strategy: Any = forms.ModelChoiceField(
        Strategy.objects.none(),
        label=gettext_lazy("Strategy"),
        required=False,
        empty_label=gettext_lazy("a new one"),
        widget=UnfoldAdminSelectWidget(),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
    )
    market = forms.ChoiceField(
        label=gettext_lazy("Market type"), required=False, widget=UnfoldAdminSelectWidget()
    )
    weight = FiniteDecimalField(
        label=gettext_lazy("Weight"), required=False, initial=1, widget=ExactInput()
    )

    def __init__(
        self,
        account: Account,
        strategies: QuerySet[Strategy] | None,
        *args: Any,
        may_make: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if strategies is None:
            del self.fields["strategy"]
        else:
            self.fields["strategy"].queryset = strategies  # type: ignore[attr-defined]
        if may_make:
            market: Any = self.fields["market"]
            market.choices = [
                (each.value, POOL_NAMES[each.value]) for each in markets_of(account.venue)
            ]
        else:
            del self.fields["name"], self.fields["market"]

    @property
    def is_empty(self) -> bool:
        """Whether the row names no strategy; the form is valid."""
        return not (self.cleaned_data.get("strategy") or self.cleaned_data.get("name"))

    def clean(self) -> dict[str, Any]:
        """A row is of one strategy, with its weight."""
        cleaned: dict[str, Any] = super().clean() or {}
        named, chosen = cleaned.get("name"), cleaned.get("strategy")
        if named and chosen:
            self.add_error("name", gettext("Choose a strategy, or name a new one: not both."))
        if "weight" in cleaned:
            if named or chosen:
                self._check_weight(cleaned["weight"])
            elif not self.errors and cleaned["weight"] not in (None, self.fields["weight"].initial):
                # Whoever typed it has a strategy in mind: it would not be there, and nothing said.
                place = "name" if "name" in self.fields else "strategy"
                self.add_error(place, gettext("Which strategy has this weight?"))
        return cleaned

    def _check_weight(self, weight: Decimal | None) -> None:
        """Here, too, so that all rows say at once what is wrong with them."""
        if weight is None:
            self.add_error("weight", gettext("Enter its weight."))
            return
        try:
            StrategyAccount._meta.get_field("weight").run_validators(weight)
        except ValidationError as error:
            self.add_error("weight", error)


class WeightForm(forms.Form):
    """The weight of a strategy that trades on the account already."""

    weight = FiniteDecimalField(label=gettext_lazy("Weight"), widget=ExactInput())
    seen = FiniteDecimalField(widget=forms.HiddenInput())

    def __init__(self, link: StrategyAccount, data: Any = None) -> None:
        weight = {"weight": link.weight, "seen": link.weight}
        super().__init__(data, initial=weight, prefix=f"link-{link.pk}")
        self.link = link
        self.market = link.strategy.get_market_type_display()

    @property
    def is_changed(self) -> bool:
        """Whether another weight was sent."""
        return self.is_bound and "weight" in self.changed_data
