"""Alert targets: where a user wants to be told. Everybody has only their own."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
)

from capital.admin.frame.base import SiteModelAdmin
from capital.admin.frame.cells import badge
from capital.admin.frame.editable import SecretField, SecretInput
from capital.admin.frame.views import render_page, seen_or_404, user_of
from capital.domain.errors import InvalidTarget
from capital.models import AlertChannel, AlertTarget
from capital.services.alerts import (
    SWITCHED,
    TargetFields,
    check_target,
    latest_messages,
    request_test,
    save_target,
)
from capital.services.sentences import sentence

_EXAMPLES = {
    AlertChannel.MAIL: "maria@example.com",
    AlertChannel.TELEGRAM: "tgram://BOT_TOKEN/CHAT_ID",
    AlertChannel.SLACK: "slack://TOKEN_A/TOKEN_B/TOKEN_C/#channel",
    AlertChannel.DISCORD: "discord://WEBHOOK_ID/WEBHOOK_TOKEN",
    AlertChannel.NTFY: "ntfys://HOST/TOPIC",
    AlertChannel.TEAMS: "workflows://HOST/WORKFLOW_ID/SIGNATURE",
    AlertChannel.PUSHOVER: "pover://USER_KEY@TOKEN",
    AlertChannel.GOTIFY: "gotifys://HOST/TOKEN",
    AlertChannel.MATRIX: "matrixs://USER:PASSWORD@HOST/#room",
    AlertChannel.WEBHOOK: "https://host/path",
}


def _about_addresses() -> SafeString:
    shown = format_html_join(
        "", "<br>{}: <code>{}</code>", ((each.label, _EXAMPLES[each]) for each in AlertChannel)
    )
    return format_html("{}{}", gettext("Left empty, the stored one stays."), shown)


class TargetForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a user says of a target. What is stored of its secrets is never shown.

    Attributes:
        asker_id: The user, whose a new target is.
    """

    asker_id: int | None = None

    address = SecretField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=2000,
        widget=SecretInput({"autocomplete": "off"}),
        help_text=lazy(_about_addresses, SafeString)(),
    )
    signing_secret = SecretField(
        label=gettext_lazy("Signing secret"),
        required=False,
        max_length=200,
        widget=SecretInput({"autocomplete": "off"}),
        help_text=gettext_lazy("Of a webhook: 16 characters or more, by which it checks messages."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget()
    )
    kinds_off = forms.MultipleChoiceField(
        label=gettext_lazy("Not told here"),
        required=False,
        choices=[(kind.value, kind.label) for kind in SWITCHED],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )

    class Meta:
        model = AlertTarget
        fields = (
            "name",
            "channel",
            "address",
            "signing_secret",
            "language",
            "is_active",
            "quiet_from",
            "quiet_until",
            "kinds_off",
        )
        help_texts = {
            "quiet_from": gettext_lazy(
                "Within these hours only stops are told; the rest comes when they end."
            )
        }

    def given(self) -> TargetFields:
        """As the service wants it."""
        return TargetFields(**{name: self.cleaned_data[name] for name in self.Meta.fields})

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would refuse, beside the form."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.instance.user_id is None:
            self.instance.user_id = self.asker_id
        if not self.errors:
            try:
                check_target(self.instance, self.given())
            except InvalidTarget as error:
                self.add_error("address", sentence(error.reason))
        return cleaned

    def _post_clean(self) -> None:
        """The service writes the row; what the form knows of it is checked already."""


@admin.register(AlertTarget)
class TargetAdmin(SiteModelAdmin):
    """A user's own targets; nobody sees another one's, whoever they are."""

    nothing_yet = gettext_lazy(
        "No target yet: nobody is told of alerts away from this site. Add one for each way to "
        "reach you."
    )
    form = TargetForm
    list_display = ["name", "shown_address", "shown_state", "language", "quiet_from", "quiet_until"]
    list_display_links = ["name"]
    ordering = ["pk"]
    fields = [
        ("name", "is_active"),
        ("channel", "language"),
        "address",
        "signing_secret",
        ("quiet_from", "quiet_until"),
        "kinds_off",
    ]
    actions_detail = ["send_test"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertTarget]:
        """Only the user's own: they are not of accounts."""
        rows: QuerySet[AlertTarget] = ModelAdmin.get_queryset(self, request)
        return rows.filter(user=user_of(request).pk)

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """A new one is in the language that the user reads."""
        form: Any = super().get_form(request, obj, *args, **kwargs)
        # Each request has a class of its own.
        form.asker_id = user_of(request).pk
        if obj is None:
            form.base_fields["language"].initial = getattr(request, "LANGUAGE_CODE", None)
        return form

    def save_form(self, request: HttpRequest, form: Any, change: Any) -> AlertTarget:
        """The row as it was: the service writes into it."""
        form.save_m2m = lambda: None
        target: AlertTarget = form.instance
        return target

    def save_model(self, request: HttpRequest, obj: AlertTarget, form: Any, change: Any) -> None:
        save_target(obj, form.given())

    @admin.display(description=gettext_lazy("channel"))
    def shown_address(self, target: AlertTarget) -> str:
        """The channel, and the last four letters."""
        return target.shown_address

    @admin.display(description=gettext_lazy("status"))
    def shown_state(self, target: AlertTarget) -> Any:
        if target.is_active:
            return badge(gettext("active"), "success")
        return badge(gettext("inactive"))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Send a test"), url_path="test", icon="send"
    )
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The last messages to the target; POST queues a test."""
        target: AlertTarget = seen_or_404(self, request, object_id)
        if request.method == "POST":
            request_test(target)
            messages.success(request, gettext("A test message was queued. Its result is below."))
            return HttpResponseRedirect(request.path)
        context = {
            "object": target,
            "messages_sent": latest_messages(target),
            "back": self.url_of("change", target.pk),
        }
        title = gettext("Messages to %(name)s") % {"name": target.name}
        return render_page(self, request, "alerts/test", title, context)
