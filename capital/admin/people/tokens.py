"""API tokens: made for oneself, shown once, revoked. Nothing of them is changed or deleted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext

from capital.admin.frame.base import SiteModelAdmin, WholeInput
from capital.admin.frame.cells import badge, instant
from capital.domain.errors import InvalidToken
from capital.models import ApiToken
from capital.services.access import (
    LONGEST_DAYS,
    USUAL_DAYS,
    TokenState,
    create_token,
    revoke_token,
    state_of,
    valid_tokens,
)
from capital.services.labels import TOKEN_STATE_NAMES
from capital.services.sentences import sentence

_TEXT = "_text_of_new_token"


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a new token is for, what it may do, and for how long."""

    days = forms.IntegerField(
        label=gettext_lazy("Valid for (days)"),
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=USUAL_DAYS,
        help_text=gettext_lazy("The token expires after this many days."),
        widget=WholeInput(),
    )

    class Meta:
        model = ApiToken
        fields = ["name", "scope", "account"]


@contextmanager
def ended_tokens_told(request: HttpRequest, user: Any) -> Iterator[None]:
    """Say afterwards how many of the user's tokens ended by what was done meanwhile."""
    before = len(valid_tokens(user))
    yield
    ended = before - len(valid_tokens(user))
    if ended > 0:
        text = ngettext(
            "%(count)s API token of %(user)s has ended with this change: create a new one for the "
            "bot that uses it.",
            "%(count)s API tokens of %(user)s have ended with this change: create new ones for the "
            "bots that use them.",
            ended,
        )
        messages.warning(request, text % {"count": ended, "user": user})


@admin.register(ApiToken)
class TokenAdmin(SiteModelAdmin):
    """A user's own tokens; who sees everything sees everyone's, and may revoke them."""

    nothing_yet = gettext_lazy("No token yet. Bots and programs use the API with one.")
    form = TokenForm
    list_display = [
        "name",
        "token_key",
        "user",
        "scope",
        "account",
        "shown_state",
        "shown_expiry",
        "shown_revocation",
    ]
    list_filter = ["scope"]
    search_fields = ["name", "token_key", "user__username"]
    actions = ["revoke"]
    fields = ["name", "scope", "account", "days"]
    ordering = ["-created"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """With the user and the account."""
        rows: QuerySet[ApiToken] = super().get_queryset(request)
        return rows.select_related("user", "account")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What can be chosen on a new one; what there is to see on another."""
        if obj is None:
            return list(self.fields)
        shown = ["name", "token_key", "user", "scope", "account"]
        return [*shown, "shown_state", "created", "expiry", "revoked_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What is no column."""
        return [*super().get_readonly_fields(request, obj), "shown_state"]

    @admin.display(description=gettext_lazy("status"))
    def shown_state(self, token: ApiToken) -> Any:
        """Whether it opens anything, or why not: it ends with a password or the staff flag, too."""
        state = state_of(token, now=timezone.now())
        return badge(TOKEN_STATE_NAMES[state], "success" if state is TokenState.VALID else "danger")

    @admin.display(description=ApiToken._meta.get_field("expiry").verbose_name, ordering="expiry")
    def shown_expiry(self, token: ApiToken) -> Any:
        return instant(token.expiry)

    @admin.display(
        description=ApiToken._meta.get_field("revoked_at").verbose_name, ordering="revoked_at"
    )
    def shown_revocation(self, token: ApiToken) -> Any:
        return instant(token.revoked_at)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A token stays as it was made; its page can be looked at."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may make tokens sees theirs."""
        return self.has_add_permission(request) or bool(super().has_view_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoked, it stays in the list."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: Any) -> None:
        """Make it for the user who asks."""
        token, text = create_token(
            user=request.user,  # type: ignore[arg-type]  # nobody else comes here
            name=form.cleaned_data["name"],
            scope=form.cleaned_data["scope"],
            days=form.cleaned_data["days"],
            account_id=None if obj.account is None else obj.account.pk,
        )
        obj.__dict__.update(token.__dict__)
        setattr(request, _TEXT, text)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The token is shown once, on the list."""
        try:
            return super().add_view(request, *args, **kwargs)
        except InvalidToken as error:
            self.message_user(request, sentence(error.reason), messages.ERROR)
            return self.response_post_save_add(request, ApiToken())

    def response_add(self, request: HttpRequest, obj: ApiToken, *args: Any) -> HttpResponse:
        """The one page that shows it. Not a message: those wait in a cookie."""
        response = TemplateResponse(
            request,
            "capital/people/token.html",
            {
                **self.admin_site.each_context(request),
                "title": gettext("API token"),
                "opts": self.opts,
                "token": obj,
                "text": getattr(request, _TEXT),
            },
        )
        response["Cache-Control"] = "no-store"
        return response

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may make tokens, or change them; not who only looks."""
        return self.has_add_permission(request) or bool(super().has_change_permission(request))

    @admin.action(description=gettext_lazy("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """From now on they open nothing."""
        for token in queryset:
            revoke_token(token.token_key)
            self.message_user(
                request, gettext("Revoked: %(token)s.") % {"token": token}, messages.SUCCESS
            )
