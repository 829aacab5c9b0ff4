"""Runs: every decision, with all that it rested on, for people who were not there. Read-only."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
)

from capital.admin.allocation.decisions import pool_tables
from capital.admin.allocation.reverts import RevertPages
from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import OUTCOME_COLOUR, badge, link_to
from capital.admin.frame.exports import csv_response
from capital.admin.frame.filters import TimeFilter, VisibleFilter
from capital.admin.frame.lists import MOST_ROWS, IndexedSearch
from capital.admin.frame.stops import stops_shown
from capital.admin.frame.views import user_of
from capital.models import Account, AllocationRun
from capital.services.allocation import PoolReport, report_runs
from capital.services.limits import stops_when_decided
from capital.services.sentences import sentence_of

_EXPORTED_AT_ONCE = 500
_RUN_COLUMNS = (
    "run",
    "created_at",
    "account",
    "venue",
    "currency",
    "trigger",
    "actor",
    "run_key",
    "is_forced",
    "outcome",
    "code",
    "reason",
)
_POOL_COLUMNS = (
    "pool",
    "balance",
    "source",
    "observed_at",
    "reserve",
    "unallocated",
    "pool_code",
    "holdings",
)
_ENTRY_COLUMNS = ("strategy", "weight", "before", "after", "entry_code")


@admin.register(AllocationRun)
class RunAdmin(RevertPages, IndexedSearch, RecordAdmin):
    """Append-only. The page of a run reads the same years later."""

    actions = ["export"]
    change_form_before_template = "capital/allocation/run.html"
    list_display = [
        "shown_time",
        "shown_account",
        "shown_outcome",
        "shown_reason",
        "shown_trigger",
        "shown_actor",
    ]
    list_display_links = ["shown_time"]
    list_filter = [
        ("outcome", ChoicesDropdownFilter),
        ("trigger", ChoicesDropdownFilter),
        ("account", VisibleFilter),
        ("created_at", TimeFilter),
        ("is_forced", BooleanRadioFilter),
    ]
    list_filter_submit = True
    search_fields = ["account__name", "run_key", "actor__username"]
    searched_rows = {"account": ["name"], "actor": ["username"]}
    # By primary key, which is the order of decision and has an index.
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AllocationRun]:
        """With whose it is and who asked."""
        rows: QuerySet[AllocationRun] = super().get_queryset(request)
        return rows.select_related("account", "actor")

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        """The runs of some time are ordered by it: for that there is an index, too."""
        is_of_a_time = any(name.startswith("created_at") for name in request.GET)
        return ["-created_at", "-pk"] if is_of_a_time else self.ordering

    def keys_of(self, model: Any, word: str) -> list[Any]:
        """The runs with this key. The index has the account before it."""
        accounts = list(Account.objects.order_by().values_list("pk", flat=True))
        rows = AllocationRun.objects.order_by().filter(account__in=accounts, run_key=word)
        return list(rows.values_list("pk", flat=True)[:MOST_ROWS])

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The page's own template says all of it."""
        return []

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The whole decision."""
        run, user = self.get_object(request, object_id), user_of(request)
        shown: dict[str, Any] = {}
        if run is not None:
            report = report_runs([run])[0]
            shown = {
                "report": report,
                "pools": pool_tables(report, decided_at=run.created_at),
                "stops": stops_shown(stops_when_decided(run, user), user),
                "outcome_badge": badge(run.get_outcome_display(), OUTCOME_COLOUR[run.outcome]),
                "weights": _weights(run),
                "splits_again": run.arguments.get("splits_again", False),
            }
        context = {**(extra_context or {}), **shown}
        return super().change_view(request, object_id, form_url, context)  # type: ignore[no-any-return]

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export(
        self, request: HttpRequest, queryset: QuerySet[AllocationRun]
    ) -> StreamingHttpResponse:
        """One line an entry; a run without any has one line of its own."""
        columns = (*_RUN_COLUMNS, *_POOL_COLUMNS, *_ENTRY_COLUMNS)
        return csv_response("allocation-runs", columns, _exported(queryset))

    @admin.display(description=gettext_lazy("time"), ordering="created_at")
    def shown_time(self, run: AllocationRun) -> str:
        return f"{timezone.localtime(run.created_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=gettext_lazy("account"), ordering="account__name")
    def shown_account(self, run: AllocationRun) -> Any:
        return link_to(run.account, run.account.name)

    @admin.display(description=gettext_lazy("outcome"), ordering="outcome")
    def shown_outcome(self, run: AllocationRun) -> Any:
        """As a badge; forced ones say so."""
        shown = badge(run.get_outcome_display(), OUTCOME_COLOUR[run.outcome])
        return shown + " " + badge(gettext("forced"), "danger") if run.is_forced else shown

    @admin.display(description=gettext_lazy("reason"))
    def shown_reason(self, run: AllocationRun) -> str:
        """The sentence, in the reader's language."""
        return sentence_of(run.code, run.figures)

    @admin.display(description=gettext_lazy("trigger"), ordering="trigger")
    def shown_trigger(self, run: AllocationRun) -> str:
        return run.get_trigger_display()

    @admin.display(description=gettext_lazy("requested by"), ordering="actor__username")
    def shown_actor(self, run: AllocationRun) -> str:
        """Who asked; nobody, where the schedule did."""
        return run.actor.get_username() if run.actor else "—"


def _weights(run: AllocationRun) -> list[tuple[str, Decimal, Decimal]]:
    """The weights that were changed together with it: strategy, before, after."""
    before = run.arguments.get("weights_before", {})
    after = run.arguments.get("weights", {})
    return [(key, Decimal(old), Decimal(after[key])) for key, old in before.items()]


def _exported(queryset: QuerySet[AllocationRun]) -> Iterator[tuple[Any, ...]]:
    """In chunks: an export of years must not be in memory at once."""
    chunk: list[AllocationRun] = []
    for run in queryset.iterator(chunk_size=_EXPORTED_AT_ONCE):
        chunk.append(run)
        if len(chunk) == _EXPORTED_AT_ONCE:
            yield from _lines_of(chunk)
            chunk = []
    yield from _lines_of(chunk)


def _lines_of(runs: list[AllocationRun]) -> Iterator[tuple[Any, ...]]:
    for run, report in zip(runs, report_runs(runs), strict=True):
        start = (
            run.pk,
            run.created_at,
            report.account,
            report.venue,
            report.currency,
            run.trigger,
            run.actor.get_username() if run.actor else None,
            run.run_key,
            run.is_forced,
            run.outcome,
            run.code,
            report.reason,
        )
        if not report.pools:
            yield (*start, *[None] * (len(_POOL_COLUMNS) + len(_ENTRY_COLUMNS)))
        for pool in report.pools:
            yield from _pool_lines(start, pool)


def _pool_lines(start: tuple[Any, ...], pool: PoolReport) -> Iterator[tuple[Any, ...]]:
    of_pool = (
        pool.pool,
        pool.balance,
        pool.source,
        pool.observed_at and timezone.localtime(pool.observed_at).isoformat(),
        pool.reserve,
        pool.unallocated,
        pool.code,
        pool.holdings,
    )
    if not pool.entries:
        yield (*start, *of_pool, *[None] * len(_ENTRY_COLUMNS))
    for entry in pool.entries:
        yield (
            *start,
            *of_pool,
            entry.strategy,
            entry.weight,
            entry.before,
            entry.after,
            entry.code,
        )
