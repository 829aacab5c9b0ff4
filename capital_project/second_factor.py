"""Two-factor authentication: enrol a phone, then enter its code after the password.

With ``CAPITAL_REQUIRE_TOTP``, nobody uses the admin without passing this page. A user without a
confirmed device enrols one. A user with one can only enter its code, so that a stolen password
alone is not enough. If a phone is lost, a code of ``manage.py addstatictoken`` works.
"""

from base64 import b32encode, b64encode
from io import BytesIO
from typing import Any

import django_otp
from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp.models import Device
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.qr import write_qrcode_image
from unfold.widgets import UnfoldAdminTextInputWidget

from capital.services.access import SessionState, session_state

_LONGEST_CODE = 32


class CodeForm(forms.Form):
    """The code that the phone shows, or a static one."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=_LONGEST_CODE,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "autofocus": "", "inputmode": "numeric"}
        ),
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.device: Device | None = None

    def clean_code(self) -> str:
        """Verify with the user's devices; each counts its failures and refuses for a while."""
        code = "".join(self.cleaned_data["code"].split())
        self.device = _verified(self.user, code)
        if self.device is None:
            raise forms.ValidationError(
                gettext(
                    "This code is not valid now. Wait for the next code and try again; after "
                    "several wrong codes you have to wait longer. "
                    "Check that your phone's clock is right."
                )
            )
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
    form = CodeForm(user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        django_otp.login(request, form.device)
        return HttpResponseRedirect(_next_page(request))
    shown = {
        **context,
        "form": form,
        "title": gettext("Two-factor authentication"),
        "next_page": _next_page(request),
        "redirect_field": REDIRECT_FIELD_NAME,
        **_enrolment(user),
    }
    return TemplateResponse(request, "second_factor.html", shown)


def is_enrolled(user: Any) -> bool:
    """Whether the user has a confirmed device."""
    return bool(TOTPDevice.objects.devices_for_user(user, confirmed=True).exists())


def _enrolment(user: Any) -> dict[str, Any]:
    """The key of the device to confirm, for a phone; nothing if one is confirmed."""
    if is_enrolled(user):
        return {}
    with transaction.atomic():
        waiting = TOTPDevice.objects.devices_for_user(user, confirmed=False).order_by("pk")
        device = waiting.first() or TOTPDevice.objects.create(
            user=user, name="TOTP", confirmed=False
        )
    image = BytesIO()
    write_qrcode_image(device.config_url, image)
    return {
        "qr_code": "data:image/svg+xml;base64," + b64encode(image.getvalue()).decode(),
        "key": b32encode(device.bin_key).decode().rstrip("="),
    }


def _verified(user: Any, code: str) -> Device | None:
    """The device that accepts this code. During enrolment, this confirms the device."""
    if not is_enrolled(user):
        waiting = TOTPDevice.objects.devices_for_user(user, confirmed=False).order_by("pk")
        for device in waiting[:1]:
            if django_otp.verify_token(user, device.persistent_id, code):
                device.refresh_from_db()
                device.confirmed = True
                device.save(update_fields=["confirmed"])
                return device
    # A phone's code has only digits. Trying others would only make the wait longer.
    devices = [
        device
        for device in django_otp.devices_for_user(user)
        if isinstance(device, TOTPDevice) == code.isdigit()
    ]
    return next(
        (device for device in devices if django_otp.verify_token(user, device.persistent_id, code)),
        None,
    )


def _next_page(request: HttpRequest) -> str:
    """The page that the user wanted; only pages of this site."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and safe else reverse("admin:index")
