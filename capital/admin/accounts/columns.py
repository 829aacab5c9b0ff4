"""What a list and a page say of an account: balances, how fresh they are, what is due."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy, pgettext

from capital.admin.accounts.form import CREDENTIALS
from capital.admin.frame.cells import (
    FRESHNESS,
    OUTCOME_COLOUR,
    badge,
    bar,
    clipped,
    figure,
    lines,
    since,
)
from capital.admin.frame.formats import NOTHING, money, share
from capital.domain.reasons import Code
from capital.models import Account
from capital.services.allocation import GateAnswer, StrategyNames
from capital.services.balances import is_kept, suspect_reasons
from capital.services.labels import POOL_NAMES, label
from capital.services.overview import AccountOverview, overview_accounts
from capital.services.sentences import outline_of, sentence


class AccountColumns:
    """For the accounts' ``ModelAdmin``: one overview for the page, and what is shown of it."""

    def prepare_rows(self, request: HttpRequest, rows: list[Account]) -> None:
        """One overview for the page."""
        now = timezone.now()
        overviews = overview_accounts(rows, now=now)
        names = StrategyNames.of(each.due.reason for each in overviews.values())
        for account in rows:
            account.overview = overviews[account.pk]  # type: ignore[attr-defined]
            account.seen_at = now  # type: ignore[attr-defined]
            account.strategy_names = names  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("account"), ordering="name")
    def shown_name(self, account: Account) -> Any:
        """Its name, and where it is."""
        state = "" if account.is_active else badge(gettext("inactive"))
        where = f"{account.venue} · {account.currency}"
        return format_html(
            '<span class="font-semibold">{}</span> {}<br>'
            '<span class="font-normal text-font-subtle-light dark:text-font-subtle-dark">{}</span>',
            clipped(account.name),
            state,
            where,
        )

    @admin.display(description=gettext_lazy("pools"))
    def shown_pools(self, account: Account) -> Any:
        """Each pool's balance."""
        return lines(
            *(
                figure(f"{POOL_NAMES[pool.pool.value]} {money(pool.balance, account.currency)}")
                for pool in _overview(account).pools
            )
        )

    @admin.display(description=gettext_lazy("total"))
    def shown_total(self, account: Account) -> Any:
        """The sum of what is known."""
        overview = _overview(account)
        text = money(overview.total, account.currency)
        return figure(f"≥ {text}" if overview.total is not None and overview.unknown else text)

    @admin.display(description=gettext_lazy("allocated"))
    def shown_share(self, account: Account) -> Any:
        """How much of it is allocated."""
        overview = _overview(account)
        return bar(
            share(overview.allocated, overview.total), money(overview.allocated, account.currency)
        )

    @admin.display(description=gettext_lazy("balance age"))
    def shown_freshness(self, account: Account) -> Any:
        """When all pools in use were last read, and whether that will do."""
        overview = _overview(account)
        name, colour = FRESHNESS[overview.freshness]
        when = since(overview.read_at, now=account.seen_at)  # type: ignore[attr-defined]
        return lines(
            badge(name, colour),
            when if overview.read_at else "",
            badge(
                label(account.connection_code),
                "danger",
                outline_of(account.connection_code, venue=account.venue),
            )
            if account.connection_code
            else "",
        )

    @admin.display(description=gettext_lazy("reallocation"))
    def shown_due(self, account: Account) -> Any:
        """Whether a reallocation is due, and why."""
        overview = _overview(account)
        if overview.suspects:
            why = " ".join(sentence(reason) for reason in overview.suspects)
            return badge(gettext("suspect balance"), "danger", why)
        state = badge(pgettext("reallocation", "due"), "warning") if overview.due.due else ""
        told = account.strategy_names.sentence(overview.due.reason, account.seen_at)  # type: ignore[attr-defined]
        return lines(
            state,
            _small(told),
            *_held_pools(overview.due),
        )

    @admin.display(description=gettext_lazy("last allocation"))
    def shown_run(self, account: Account) -> Any:
        """What the last run came to, and when."""
        run = _overview(account).last_run
        if run is None:
            return NOTHING
        return lines(
            badge(run.get_outcome_display(), OUTCOME_COLOUR[run.outcome]),
            since(run.created_at, now=account.seen_at),  # type: ignore[attr-defined]
        )

    @admin.display(description=gettext_lazy("API credentials"))
    def shown_credentials(self, account: Account) -> Any:
        return lines(
            *(
                f"{label_for_field(name, Account)}: "
                + (
                    pgettext("credentials", "set")
                    if account.__dict__.get(name)
                    else gettext("not set")
                )
                for name in CREDENTIALS
            )
        )

    @admin.display(description=gettext_lazy("owner"))
    def shown_owner(self, account: Account) -> str:
        return str(account.owner.get_username())

    @admin.display(description=gettext_lazy("exchange connection"))
    def shown_connection(self, account: Account) -> str:
        """Why the exchange did not answer at the last sync."""
        if account.connection_code:
            return outline_of(account.connection_code, venue=account.venue)
        if not account.summaries.exists():
            return gettext("Not synced yet.")
        return gettext("No problems at the last sync.")

    @admin.display(description=gettext_lazy("last due check"))
    def shown_check(self, account: Account) -> Any:
        """What the gate or the last decision said, and when."""
        if account.last_checked_at is None:
            return NOTHING
        return lines(
            outline_of(account.last_check_code), since(account.last_checked_at, now=timezone.now())
        )

    @admin.display(description=gettext_lazy("suspect balances"))
    def shown_suspects(self, account: Account) -> Any:
        """Why each waits for a person; and that somebody refused it."""
        kept = [pool for pool in account.suspect_readings if is_kept(account, pool)]
        told = gettext("Refused: the balance that was accepted last is kept.")
        return lines(*map(sentence, suspect_reasons(account)), told if kept else "") or NOTHING


def _overview(account: Account) -> AccountOverview:
    overview: AccountOverview = account.overview  # type: ignore[attr-defined]
    return overview


def _small(text: str) -> Any:
    return format_html('<span class="text-xs">{}</span>', text)


def _held_pools(due: GateAnswer) -> Iterator[Any]:
    """Which pools are on hold and why, and how a position would not hold one as a whole."""
    for pool, reason in due.held.items():
        if not due.is_held:
            yield badge(POOL_NAMES[pool], "warning")
            yield _small(sentence(reason))
    if any(reason.code is Code.OPEN_POSITION for reason in due.held.values()):
        yield _small(
            gettext(
                "With “keep in use” for open positions, only what strategies have in use would "
                "stay, and the rest would move."
            )
        )
