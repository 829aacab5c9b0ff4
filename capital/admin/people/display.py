"""A page of one's own: how gains and losses are coloured."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminRadioSelectWidget

from capital.admin.frame.views import user_of
from capital.models import ChangeColours, DisplayPreference
from capital.services.access import change_colours_of, store_change_colours


class DisplayForm(forms.ModelForm):  # type: ignore[type-arg]
    """What may be chosen."""

    class Meta:
        model = DisplayPreference
        fields = ("change_colours",)
        widgets = {"change_colours": UnfoldAdminRadioSelectWidget}


def display_settings(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show and store the choice of whoever asks; nobody sees another user's.

    Args:
        request: Of a user who may use the admin.
        context: What every page of the site shows.
    """
    user = user_of(request)
    initial = {"change_colours": change_colours_of(user)}
    form = DisplayForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        store_change_colours(user, ChangeColours(form.cleaned_data["change_colours"]))
        messages.success(request, gettext("Your display settings were saved."))
        return HttpResponseRedirect(reverse("admin:display_settings"))
    shown = {**context, "form": form, "title": gettext("Display settings")}
    return TemplateResponse(request, "capital/people/display.html", shown)
