"""Checking a connection: what each pool answers, or what to do; and keeping a balance."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action

from capital.admin.frame.formats import money
from capital.admin.frame.views import asker_of, may_here, render_page, seen_or_404, user_of
from capital.domain.errors import CapitalError, OtherSuspect
from capital.models import Account
from capital.services.access import Act, may
from capital.services.balances import (
    ConnectionReport,
    check_connection,
    keep_balances,
    suspect_marks,
    suspect_reasons,
)
from capital.services.labels import POOL_NAMES, label
from capital.services.sentences import sentence


class ConnectionPage:
    """For the accounts' ``ModelAdmin``."""

    def has_check_connection_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may ask the exchange with the account's keys."""
        return may_here(self, request, obj, Act.CHECK_CONNECTION)

    @action(  # type: ignore[untyped-decorator]
        permissions=["check_connection"],
        description=gettext_lazy("Check connection"),
        url_path="connection",
        icon="lan",
    )
    def check_connection(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What each pool answers now, or why it does not and what to do."""
        account: Account = seen_or_404(self, request, object_id)
        report = check_connection(account.pk, actor=user_of(request))
        context = {
            "object": account,
            "account": account,
            "report": report,
            "pools": pools_shown(report),
            "notices": [sentence(notice) for notice in report.notices],
            "back": reverse("admin:capital_account_change", args=[account.pk]),
        }
        title = gettext("Connection check: %(account)s") % {"account": account.name}
        return render_page(self, request, "accounts/connection", title, context)


class KeepPage:
    """For the accounts' ``ModelAdmin``: refusing a suspect balance."""

    def get_urls(self) -> list[Any]:
        """Where the button of a suspect balance leads."""
        view = self.admin_site.admin_view(self.keep_balance)  # type: ignore[attr-defined]
        address, name = "<path:object_id>/keep-balance/", "capital_account_keep_balance"
        return [path(address, view, name=name), *super().get_urls()]  # type: ignore[misc]

    def keep_balance(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what it does and does not; keep what was accepted, on POST."""
        account: Account = seen_or_404(self, request, object_id)
        if not may(user_of(request), Act.ACCEPT_JUMP, account):
            raise PermissionDenied
        if request.method != "POST":
            context = {
                "object": account,
                "account": account,
                "reasons": [sentence(reason) for reason in suspect_reasons(account)],
                "marks": suspect_marks(account),
                "back": reverse("admin:capital_account_change", args=[account.pk]),
            }
            title = gettext("Keep the accepted balance")
            return render_page(self, request, "accounts/keep", title, context)
        try:
            shown = request.POST.getlist("shown") if "shown" in request.POST else None
            keep_balances(account.pk, shown=shown, **asker_of(request))
        except OtherSuspect as error:
            messages.warning(request, sentence(error.reason))
            return HttpResponseRedirect(request.get_full_path())
        except CapitalError as error:
            messages.warning(request, sentence(error.reason))
        else:
            said = gettext(
                "%(account)s keeps the balance that was accepted last. It stays on hold, and you "
                "are not asked again, until its exchange tells another balance."
            )
            messages.success(request, said % {"account": account.name})
        return HttpResponseRedirect(reverse("admin:index"))


def pools_shown(report: ConnectionReport) -> list[dict[str, Any]]:
    """What each pool answers, or why it does not and what to do."""
    return [
        {
            "name": POOL_NAMES[pool.pool.value],
            "amount": money(pool.amount, report.account.currency),
            "observed_at": pool.observed_at,
            "reason": "" if pool.reason is None else sentence(pool.reason),
            "label": "" if pool.reason is None else label(pool.reason.code),
            "advice": "" if pool.advice is None else sentence(pool.advice),
        }
        for pool in report.pools
    ]
