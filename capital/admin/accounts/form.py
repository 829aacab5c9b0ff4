"""The account's form: its venue is offered or typed, and its credentials are never shown."""

from itertools import chain
from typing import Any

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminTextInputWidget

from capital.admin.frame.editable import EditableForm, SecretField, SecretInput
from capital.admin.frame.formats import few
from capital.models import Account
from capital.services.accounts import unproven_notice, venue_called, venue_names
from capital.services.overview import positions_when_off
from capital.services.sentences import sentence

_MOST_NAMED = 5
CREDENTIALS = ("api_key", "api_secret", "api_passphrase")
# What a person sets; a field that is not here is shown only.
IDENTITY_FIELDS = (
    ("venue", "currency"),
    ("wallet_mode", "balance_basis"),
    ("is_active", "is_sandbox"),
)
RULE_FIELDS = (
    ("reserve_percent", "reserve_amount"),
    ("min_change_percent", "min_change_amount"),
    ("max_jump_percent", "max_cache_age_hours"),
    ("fee_rate", "utilisation"),
    ("max_budget_percent", "max_price_deviation_percent"),
)
LIMIT_FIELDS = (
    ("max_drawdown_percent",),
    ("max_daily_loss_percent", "max_daily_loss_amount"),
)
POLICY_FIELDS = (
    ("policy", "drift_band_percent"),
    ("lookback_days", "max_unexplained_percent"),
    ("with_open_positions", "counts_spot_holdings"),
)
EDITED_FIELDS = (
    "name",
    *chain(*IDENTITY_FIELDS, *RULE_FIELDS, *POLICY_FIELDS, *LIMIT_FIELDS),
)


class CredentialInput(SecretInput):
    """Typed over what is stored, which it never shows."""

    def __init__(self, *, is_set: bool) -> None:
        shown = gettext("set (type to replace)") if is_set else gettext("not set")
        super().__init__({"placeholder": shown, "autocomplete": "new-password"})


class VenueInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # unfold has no types
    """Offers the tested venues; any other that ccxt knows can be typed."""

    def __init__(self) -> None:
        super().__init__({"list": "known-venues", "autocomplete": "off", "spellcheck": "false"})

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        """The field, and what it offers."""
        options = format_html_join("", '<option value="{}" label="{}">', venue_names().items())
        field = super().render(*args, **kwargs)
        return format_html('{}<datalist id="known-venues">{}</datalist>', field, options)


class AccountForm(EditableForm):
    """An account, with its venue chosen from the tested ones, or typed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "venue" in self.fields:
            self.fields["venue"].widget = VenueInput()
            self.fields["venue"].help_text = unproven_text(self.instance.venue) or gettext(
                "Listed exchanges are tested. You can type the ccxt id of any other exchange."
            )
        if "currency" in self.fields:
            # An empty one becomes the venue's usual one.
            self.fields["currency"].required = False
        if "is_active" in self.fields and self.instance.pk and self.instance.is_active:
            # A help text is shown as HTML, and people name their strategies.
            self.fields["is_active"].help_text = escape(_told_when_off(self.instance))
        for name in CREDENTIALS:
            if name in self.fields:
                field = self.fields[name]
                self.fields[name] = SecretField(
                    label=field.label,
                    help_text=field.help_text,
                    required=False,
                    widget=CredentialInput(is_set=bool(self.instance.__dict__.get(name))),
                    show_hidden_initial=field.show_hidden_initial,
                )

    def clean_venue(self) -> str:
        """An id is written small; a name, as people call the exchange, is taken for its id."""
        return venue_called(str(self.cleaned_data["venue"]))

    class Meta:
        model = Account
        fields = (*EDITED_FIELDS, *CREDENTIALS)


def _told_when_off(account: Account) -> str:
    """What could not be closed any more, were the account switched off; empty for nothing."""
    named = [f"{each.symbol} ({each.strategy})" for each in positions_when_off(account)]
    if not named:
        return ""
    return gettext(
        "Switched off, its strategies get no order size any more, not even to close their open "
        "positions: %(positions)s. Stop its new entries instead until they are closed."
    ) % {"positions": ", ".join(few(named, _MOST_NAMED))}


def unproven_text(venue: str) -> str:
    """The notice about a venue that has no row of its own; empty for the others."""
    notice = unproven_notice(venue)
    return "" if notice is None else sentence(notice)
