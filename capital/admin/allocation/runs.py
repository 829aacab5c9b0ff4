"""Runs: every decision, with all that it rested on, for people who were not there. Read-only."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
)

from capital.admin.allocation.decisions import linked_strategies, pool_tables
from capital.admin.allocation.filters import MovedFilter, OfStrategyFilter, strategies_named
from capital.admin.allocation.reverts import RevertPages
from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import OUTCOME_COLOUR, badge, instant, lines, link_to, why
from capital.admin.frame.exports import csv_response
from capital.admin.frame.filters import TimeFilter, VisibleFilter
from capital.admin.frame.formats import NOTHING, digits, money, ratio
from capital.admin.frame.lists import MOST_ROWS, IndexedSearch
from capital.admin.frame.stops import stops_shown
from capital.admin.frame.views import user_of
from capital.domain.allocation.decision import Outcome
from capital.models import Account, AllocationEntry, AllocationRun
from capital.services.allocation import PoolReport, StrategyNames, report_runs, told_causes
from capital.services.limits import stops_when_decided
from capital.services.overview import Moves, moves_of
from capital.services.sentences import sentence_of

_EXPORTED_AT_ONCE = 500
_MOST_MOVES = 4
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
    "causes",
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

    nothing_yet = gettext_lazy(
        "Nothing has been allocated yet. Allocate capital stands above the list of accounts."
    )
    actions = ["export"]
    list_after_template = "capital/live/list.html"
    change_form_before_template = "capital/allocation/run.html"
    list_display = [
        "shown_time",
        "shown_account",
        "shown_outcome",
        "shown_moves",
        "shown_reason",
        "shown_cause",
    ]
    list_display_links = ["shown_time"]
    list_filter = [
        ("outcome", ChoicesDropdownFilter),
        ("trigger", ChoicesDropdownFilter),
        ("account", VisibleFilter),
        OfStrategyFilter,
        MovedFilter,
        ("created_at", TimeFilter),
        ("is_forced", BooleanRadioFilter),
    ]
    list_filter_submit = True
    search_fields = ["account__name", "run_key", "actor__username"]
    search_help_text = gettext_lazy("Account, strategy, person or run key")
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AllocationRun], search_term: str
    ) -> tuple[QuerySet[AllocationRun], bool]:
        """The whole term may be a strategy's, too: by key, or a part of its name."""
        found, is_doubled = super().get_search_results(request, queryset, search_term)
        strategies = strategies_named(request, search_term.strip()) if search_term.strip() else []
        if strategies:
            entries = AllocationEntry.objects.filter(
                pool__run=OuterRef("pk"), strategy_account__strategy__in=strategies
            )
            found = found | queryset.filter(Exists(entries))
        return found, is_doubled

    def prepare_rows(self, request: HttpRequest, rows: list[AllocationRun]) -> None:
        """What each of the page moved, what was taken back, and whom its causes name."""
        moves = moves_of([run.pk for run in rows])
        names = StrategyNames.of_records(rows)
        for run in rows:
            run.moves = moves[run.pk]  # type: ignore[attr-defined]
            run.cause = told_cause(run, names)  # type: ignore[attr-defined]

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
            names = StrategyNames.of_records([run])
            shown = {
                "report": report,
                "pools": pool_tables(
                    report,
                    decided_at=run.created_at,
                    linked=linked_strategies([report]),
                    run_id=run.pk,
                ),
                "stops": stops_shown(stops_when_decided(run, user), user),
                "outcome_badge": _outcome(run, moves_of([run.pk])[run.pk]),
                "causes": names.causes(run),
                "weights": [
                    (names.name(key, run.created_at), old, new) for key, old, new in _weights(run)
                ],
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
        return instant(run.created_at)

    @admin.display(description=gettext_lazy("account"), ordering="account__name")
    def shown_account(self, run: AllocationRun) -> Any:
        return link_to(run.account, run.account.name)

    @admin.display(description=gettext_lazy("outcome"), ordering="outcome")
    def shown_outcome(self, run: AllocationRun) -> Any:
        """As a badge; what was forced or taken back, and what left nobody anything, says so."""
        return _outcome(run, _moves(run))

    @admin.display(description=gettext_lazy("money moved"))
    def shown_moves(self, run: AllocationRun) -> Any:
        """How much, and of each strategy before and after."""
        moves, currency = _moves(run), run.account.currency
        if not moves.moves:
            return NOTHING
        shown: list[str] = [
            format_html(
                '<span class="desk-muted">{}</span> <span class="desk-number">{}</span>',
                move.strategy,
                why(
                    f"{digits(move.before, currency)} → {digits(move.after, currency)}",
                    link=move.link_id,
                    run=run.pk,
                ),
            )
            for move in moves.moves[:_MOST_MOVES]
        ]
        more = len(moves.moves) - _MOST_MOVES
        if more > 0:
            shown.append(
                ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more}
            )
        total = format_html('<strong class="desk-number">{}</strong>', money(moves.moved, currency))
        # One cell on a phone, too, where a row is a list.
        return format_html('<div class="desk-lines">{}</div>', lines(total, *shown))

    @admin.display(description=gettext_lazy("reason"))
    def shown_reason(self, run: AllocationRun) -> str:
        """The sentence, in the reader's language."""
        return sentence_of(run.code, run.figures)

    @admin.display(description=gettext_lazy("cause"), ordering="trigger")
    def shown_cause(self, run: AllocationRun) -> Any:
        """What asked for it, and who; and who changed what, which it follows from."""
        return format_html('<div class="desk-lines">{}</div>', lines(*run.cause))  # type: ignore[attr-defined]


def told_cause(run: AllocationRun, names: StrategyNames | None = None) -> list[str]:
    """What asked for a run, who, and who changed what that it follows from: a line for each.

    Args:
        run: Of which it is told.
        names: Of the strategies of several runs; None looks those of this one up.
    """
    names = StrategyNames.of_records([run]) if names is None else names
    who = run.actor.get_username() if run.actor else ""
    told = names.causes(run) or [_told_weights(run)]
    return [str(each) for each in (run.get_trigger_display(), who, *told) if each]


def _outcome(run: AllocationRun, moves: Moves) -> Any:
    is_to_zero = run.outcome == Outcome.SKIPPED and moves.is_to_zero
    shown = [
        badge(gettext("capital to zero"), "danger")
        if is_to_zero
        else badge(run.get_outcome_display(), OUTCOME_COLOUR[run.outcome])
    ]
    if run.is_forced:
        shown.append(badge(gettext("forced"), "danger"))
    if moves.reverted_by is not None:
        shown.append(badge(pgettext("run", "reverted"), "warning"))
    return SafeString(" ".join(shown))


def _moves(run: AllocationRun) -> Moves:
    moves: Moves = run.moves  # type: ignore[attr-defined]
    return moves


def _told_weights(run: AllocationRun) -> str:
    """The weights of a run that an earlier version recorded; empty where it set none."""
    weights = _weights(run)
    if not weights:
        return ""
    before = "/".join(ratio(old) for _, old, _ in weights)
    after = "/".join(ratio(new) for _, _, new in weights)
    return gettext("weights %(before)s → %(after)s") % {"before": before, "after": after}


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
            " ".join(told_causes(run.arguments)),
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
