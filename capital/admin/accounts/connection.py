"""Checking an account's connection: what each pool answers, or what to do where it does not."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action

from capital.admin.frame.formats import money
from capital.admin.frame.views import may_here, render_page, seen_or_404, user_of
from capital.models import Account
from capital.services.access import Act
from capital.services.balances import ConnectionReport, check_connection
from capital.services.labels import POOL_NAMES
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


def pools_shown(report: ConnectionReport) -> list[dict[str, Any]]:
    """What each pool answers, or why it does not and what to do."""
    return [
        {
            "name": POOL_NAMES[pool.pool.value],
            "amount": money(pool.amount, report.account.currency),
            "observed_at": pool.observed_at,
            "reason": "" if pool.reason is None else sentence(pool.reason),
            "advice": "" if pool.advice is None else sentence(pool.advice),
        }
        for pool in report.pools
    ]
