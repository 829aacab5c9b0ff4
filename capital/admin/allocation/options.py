"""How to allocate: what a person may choose before the preview."""

from typing import Any, TypedDict

from django import forms
from django.contrib.auth.models import AbstractUser
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldBooleanWidget

from capital.services.access import ACCEPT_PERMISSION, FORCE_PERMISSION


class Options(TypedDict):
    """Of ``make_plan``."""

    live: bool
    force: bool
    accept_jump: bool


class OptionsForm(forms.Form):
    """How to allocate. What the user may not ask for is not offered, and not accepted."""

    cached = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget(),
        label=gettext_lazy("Cached balances only"),
        help_text=gettext_lazy(
            "Uses the balances in the daily summaries instead of asking the exchanges."
        ),
    )
    accept_jump = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget(),
        label=gettext_lazy("Accept balances that jumped"),
        help_text=gettext_lazy(
            "A balance too far from the last accepted one is suspect and puts its account on "
            "hold. The preview shows the balance that you would accept."
        ),
    )
    force = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget(),
        label=gettext_lazy("Force: allocate despite open positions"),
        help_text=gettext_lazy(
            "Capital changes while positions are open, so their margin may no longer be "
            "covered. This is logged with your name and marked on the allocation."
        ),
    )

    def __init__(self, user: AbstractUser, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, permission in (("accept_jump", ACCEPT_PERMISSION), ("force", FORCE_PERMISSION)):
            if not user.has_perm(permission):
                del self.fields[name]

    @property
    def options(self) -> Options:
        """What is asked; the form is valid."""
        asked = self.cleaned_data
        return Options(
            live=not asked["cached"],
            force=asked.get("force", False),
            accept_jump=asked.get("accept_jump", False),
        )
