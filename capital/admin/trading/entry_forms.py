"""The forms of what a person enters: a flow, and what was held when books began."""

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from capital.admin.frame.base import NumberInput
from capital.domain.errors import CapitalError
from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import PositionSide
from capital.models import Account, Fill, Flow
from capital.models.columns.exact_text import ExactTextField
from capital.services.access import Act, allowed_to
from capital.services.sentences import sentence
from capital.services.trading import enter_flow, enter_opening
from strategies.models import Strategy

_NO_MOMENT = {"invalid": gettext_lazy("Enter a date and a time such as 2026-11-30 22:30.")}


class MomentInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # unfold has no types
    """A date and a time, chosen as the browser offers them."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__({"step": "1"})


class AmountField(forms.CharField):
    """A number to the last digit, as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=130,
            widget=NumberInput(),
            **kwargs,
        )

    def clean(self, value: Any) -> Any:
        """An exact ``Decimal``."""
        return ExactTextField().to_python(super().clean(value))


def _text(label: Any, *, most: int, **kwargs: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=most, widget=UnfoldAdminTextInputWidget(), **kwargs
    )


def _reason() -> forms.CharField:
    return _text(
        gettext_lazy("Reason"),
        most=200,
        help_text=gettext_lazy("For whoever reads it later: what is entered stays for good."),
    )


class LinkForm(forms.Form):
    """On which account where the user may, and of which of its strategies."""

    act: Act
    account = forms.ModelChoiceField(
        Account.objects.none(), label=gettext_lazy("Account"), widget=UnfoldAdminSelectWidget()
    )
    strategy = forms.ModelChoiceField(
        Strategy.objects.none(),
        label=gettext_lazy("Strategy"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, user: AbstractUser, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = allowed_to(user, self.act, Account.objects.order_by("name"))
        strategies = Strategy.objects.filter(strategy_accounts__account__in=accounts.order_by())
        fields: Any = self.fields
        fields["account"].queryset = accounts
        fields["strategy"].queryset = strategies.order_by("name").distinct()
        for field in fields.values():
            if isinstance(field.widget, MomentInput):
                field.label = f"{field.label} ({timezone.get_current_timezone_name()})"

    def clean(self) -> dict[str, Any]:
        """With the link of the account and the strategy."""
        given = super().clean() or {}
        account, strategy = given.get("account"), given.get("strategy")
        given["link_id"] = None
        if account and strategy:
            link = account.strategy_accounts.filter(strategy=strategy).first()
            if link is None:
                text = gettext("This strategy does not trade on the account.")
                self.add_error("strategy", text)
            given["link_id"] = link and link.pk
        return given


class EntryForm(LinkForm):
    """What is entered by hand."""

    def refuse(self, error: CapitalError | ValidationError) -> None:
        """Say what the service refused, at the field that it names."""
        if isinstance(error, CapitalError):
            # Of a fill among several, as ``fills.0.symbol``.
            field = (getattr(error, "field", None) or NON_FIELD_ERRORS).rpartition(".")[2]
            name = "strategy" if field == "strategy_account" else field
            by_field = {name: [sentence(error.reason)]}
        else:
            by_field = getattr(error, "message_dict", {NON_FIELD_ERRORS: error.messages})
        for name, texts in by_field.items():
            self.add_error(name if name in self.fields else None, texts)


class FlowForm(EntryForm):
    """Money that came or went without a fill."""

    act = Act.CHANGE_FLOWS
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=Flow._meta.get_field("kind").choices or (),
        widget=UnfoldAdminSelectWidget(),
    )
    pool = forms.ChoiceField(
        label=gettext_lazy("Pool"),
        choices=Flow._meta.get_field("pool").choices or (),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Of a transfer, enter one flow for each of the two pools."),
    )
    amount = AmountField(
        label=gettext_lazy("Amount"),
        help_text=gettext_lazy("Above zero came in, below zero went out."),
    )
    currency = _text(
        gettext_lazy("Currency"),
        most=32,
        required=False,
        help_text=gettext_lazy("If it is left empty: the account's."),
    )
    occurred_at = forms.DateTimeField(
        label=gettext_lazy("Time"), widget=MomentInput(), error_messages=_NO_MOMENT
    )
    symbol = _text(
        gettext_lazy("Symbol"),
        most=64,
        required=False,
        help_text=gettext_lazy(
            "Of funding, interest and rebates. Without a strategy they are divided among those who "
            "held the symbol then."
        ),
    )
    note = _reason()
    field_order = [
        "account",
        "kind",
        "pool",
        "amount",
        "currency",
        "occurred_at",
        "strategy",
        "symbol",
        "note",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["strategy"]
        field.help_text = gettext("Of funding, interest and rebates alone.")

    def enter(self, user: AbstractUser) -> Flow:
        """One service call. The form is valid."""
        given = self.cleaned_data
        return enter_flow(
            given["account"].pk,
            pool=Pool(given["pool"]),
            kind=FlowKind(given["kind"]),
            currency=given["currency"].upper() or given["account"].currency,
            amount=given["amount"],
            occurred_at=given["occurred_at"],
            strategy_account=given["link_id"],
            symbol=given["symbol"],
            note=given["note"],
            actor=user,
        )


class OpeningForm(EntryForm):
    """What was held when the books began."""

    act = Act.ASSIGN_FILLS
    symbol = _text(
        gettext_lazy("Symbol"),
        most=64,
        help_text=gettext_lazy("As the instrument rules name it: BTC/USDT, BTC/USDT:USDT."),
    )
    side = forms.ChoiceField(
        label=pgettext_lazy("of a position", "Side"),
        choices=[
            (PositionSide.LONG.value, pgettext_lazy("position side", "long")),
            (PositionSide.SHORT.value, pgettext_lazy("position side", "short")),
        ],
        widget=UnfoldAdminSelectWidget(),
    )
    is_hedged = forms.BooleanField(
        label=gettext_lazy("Hedge mode"),
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text=gettext_lazy("The account may hold a long and a short position of a symbol."),
    )
    quantity = AmountField(
        label=gettext_lazy("Quantity"),
        help_text=gettext_lazy("In base units; in contracts where they are inverse."),
    )
    entry_price = AmountField(label=gettext_lazy("Entry price"))
    held_at = forms.DateTimeField(
        label=gettext_lazy("Held since"),
        widget=MomentInput(),
        error_messages=_NO_MOMENT,
        help_text=gettext_lazy("Fills of later come after it."),
    )
    field_order = [
        "account",
        "strategy",
        "symbol",
        "side",
        "is_hedged",
        "quantity",
        "entry_price",
        "held_at",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["strategy"]
        field.empty_label = gettext("as order tags and symbols say")

    def enter(self, user: AbstractUser) -> Fill:
        """One service call. The form is valid."""
        given = self.cleaned_data
        side, quantity = PositionSide(given["side"]), given["quantity"]
        return enter_opening(
            given["account"].pk,
            symbol=given["symbol"],
            quantity=quantity if side is PositionSide.LONG else EXACT.minus(quantity),
            entry_price=given["entry_price"],
            held_at=given["held_at"],
            position_side=side if given["is_hedged"] else PositionSide.BOTH,
            strategy_account=given["link_id"],
            actor=user,
        )


class ReverseForm(forms.Form):
    """Why a flow is taken back."""

    note = _reason()
