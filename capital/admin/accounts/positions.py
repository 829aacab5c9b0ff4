"""Whether a position at the exchange is a strategy's: said by a person, on the account's page."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext

from capital.admin.frame.views import may_here, seen_or_404, user_of
from capital.domain.errors import CapitalError
from capital.models import Account
from capital.services.access import Act
from capital.services.sentences import sentence
from capital.services.trading import mark_symbol_not_strategys


class PositionOwnerPage:
    """For the accounts' ``ModelAdmin``: the buttons beside what is compared with the exchange."""

    def get_urls(self) -> list[Any]:
        """Where the buttons lead, before the account's own page."""
        view = self.admin_site.admin_view(self.position_owner_view)  # type: ignore[attr-defined]
        name = "capital_account_position_owner"
        return [path("<path:object_id>/position-owner/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def may_say_whose(self, request: HttpRequest, account: Account) -> bool:
        """Whether the user may say whose the account's positions are."""
        return may_here(self, request, account, Act.ASSIGN_FILLS)

    def position_owner_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say it of one symbol, and show the account again; a look at the address says nothing."""
        account: Account = seen_or_404(self, request, object_id)
        if request.method == "POST":
            if not self.may_say_whose(request, account):
                raise PermissionDenied
            self._say(request, account)
        page: str = self.url_of("change", account.pk)  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"{page}#compared-title")

    def _say(self, request: HttpRequest, account: Account) -> None:
        is_none = "not_a_strategys" in request.POST
        symbol = request.POST.get("not_a_strategys" if is_none else "may_be_a_strategys", "")
        try:
            mark_symbol_not_strategys(
                [account.pk], symbol, is_not_strategys=is_none, actor=user_of(request)
            )
        except CapitalError as error:
            messages.error(request, sentence(error.reason))
            return
        said = (
            gettext("%(symbol)s at the exchange is not a strategy's: it holds no capital.")
            if is_none
            else gettext("%(symbol)s at the exchange counts as open again.")
        )
        messages.success(request, said % {"symbol": symbol})
