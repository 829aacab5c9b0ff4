"""Two-factor authentication: enrol a phone, then enter its code after the password.

With ``CAPITAL_REQUIRE_TOTP``, nobody uses the admin without passing this page. A user without a
device enrols one: each opening of the page shows a new key, which only this session can confirm.
A user with one can only enter its code, so that a stolen password alone is not enough. If a phone
is lost, a code of ``manage.py addstatictoken`` works.
"""

from base64 import b64encode
from io import BytesIO
from typing import Any

import django_otp
from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp.models import Device
from django_otp.qr import write_qrcode_image
from unfold.widgets import UnfoldAdminTextInputWidget

from capital.services.access import (
    SessionState,
    enrol,
    enrolment_url,
    has_backup_codes,
    is_enrolled,
    new_seed,
    seal_waiting,
    session_state,
    typed_code,
    unseal_waiting,
    verify_code,
)

# Where a session carries the seed that it was shown, sealed.
WAITING = "second_factor_waiting"
_LONGEST_CODE = 32


class CodeInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # unfold has no types
    """What was typed is not shown again."""

    def format_value(self, value: Any) -> None:
        """Nothing, as of a password."""


class CodeForm(forms.Form):
    """The code that the phone shows, or a static one."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=_LONGEST_CODE,
        widget=CodeInput(
            {
                "autocapitalize": "none",
                "autocomplete": "one-time-code",
                "autofocus": "",
                "inputmode": "numeric",
                "spellcheck": "false",
            }
        ),
    )

    def __init__(self, user: Any, waiting: str | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.waiting = waiting
        self.device: Device | None = None
        if waiting is None and has_backup_codes(user):
            # They have letters, which a phone's keyboard for numbers lacks.
            self.fields["code"].widget.attrs["inputmode"] = "text"

    def clean_code(self) -> str:
        """Enrol the phone that was shown the waiting key; else ask the user's devices."""
        code = typed_code(self.cleaned_data["code"])
        if self.waiting is not None:
            self.device = enrol(self.user, seed=self.waiting, code=code)
        self.device = self.device or verify_code(self.user, code)
        if self.device is None:
            told = gettext(
                "This code is not valid now. Wait for the next code and try again; after "
                "several wrong codes you have to wait longer. "
                "Check that your phone's clock is right."
            )
            if self.waiting is not None:
                again = gettext("If this page was opened again meanwhile, scan what it shows now.")
                told = f"{told} {again}"
            raise forms.ValidationError(told)
        return code


@sensitive_post_parameters()
@never_cache
def second_factor(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Ask for a code, after enrolment if there is no device yet.

    Args:
        request: Of a user who entered the right password; others are redirected to the login.
        context: What every page of the site shows.
    """
    user: Any = request.user
    if session_state(user) in (SessionState.NOBODY, SessionState.NOT_STAFF):
        return HttpResponseRedirect(reverse("admin:login"))
    if request.method == "POST" and "leave" in request.POST:
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    if user.is_verified():
        return HttpResponseRedirect(_next_page(request))
    seed = _waiting_seed(request)
    form = CodeForm(user, seed, request.POST if request.method == "POST" else None)
    if form.is_valid():
        request.session.pop(WAITING, None)
        django_otp.login(request, form.device)
        return HttpResponseRedirect(_next_page(request))
    shown = {
        **context,
        "form": form,
        "title": gettext("Two-factor authentication"),
        "next_page": _next_page(request),
        "redirect_field": REDIRECT_FIELD_NAME,
        **_enrolment(seed, user),
    }
    return TemplateResponse(request, "second_factor.html", shown)


def _waiting_seed(request: HttpRequest) -> str | None:
    """The seed to enrol: a new one when the page is opened; None for who has a device."""
    if is_enrolled(request.user):
        request.session.pop(WAITING, None)
        return None
    sealed = request.session.get(WAITING, "") if request.method == "POST" else ""
    seed = unseal_waiting(sealed, request.user) if sealed else None
    if seed is None:
        seed = new_seed()
        request.session[WAITING] = seal_waiting(seed, request.user)
    return seed


def _enrolment(seed: str | None, user: Any) -> dict[str, Any]:
    """The key to enrol, for a phone."""
    if seed is None:
        return {}
    image = BytesIO()
    write_qrcode_image(enrolment_url(seed, user), image)
    return {
        "qr_code": "data:image/svg+xml;base64," + b64encode(image.getvalue()).decode(),
        "key": seed,
    }


def _next_page(request: HttpRequest) -> str:
    """The page that the user wanted; only pages of this site."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and safe else reverse("admin:index")
