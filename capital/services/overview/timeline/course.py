"""The course of capital over some days: its steps, and what happened beside them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter, itemgetter

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Q, QuerySet

from capital.domain.allocation.decision import Outcome
from capital.models import (
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    ChangedRow,
    StrategyAccount,
)
from capital.services.overview.marks import (
    MOST_EVENTS,
    Change,
    Event,
    changed_settings,
    read_marks,
)
from capital.services.overview.timeline.moment import CapitalAt, read_capital_at

# More lines than these tell nothing.
MOST_LINES = 7
# Of more links no entries are read: those have the least capital.
MOST_READ = 50
# Of two machines; far more than what a cluster works with.
_CLOCKS_DIFFER = timedelta(hours=1)
_LOUD = (Outcome.HELD.value, Outcome.FAILED.value)


@dataclass(frozen=True)
class Step:
    """From when on a link had how much; None where that is not known, or before its first."""

    at: datetime
    amount: Decimal | None


@dataclass(frozen=True)
class Course:
    """The capital of one link over the days.

    Attributes:
        link: With its strategy and account.
        steps: The oldest first; the first is what it was when the days begin.
    """

    link: StrategyAccount
    steps: Sequence[Step]


@dataclass(frozen=True)
class Timeline:
    """The days, their lines and their events.

    Attributes:
        courses: Of the links with most capital at the end, the largest first.
        left_out: How many links have no line.
        events: The newest first.
    """

    since: datetime
    until: datetime
    courses: Sequence[Course]
    left_out: int
    events: Sequence[Event]


def read_timeline(
    links: QuerySet[StrategyAccount],
    user: AbstractUser | AnonymousUser,
    *,
    since: datetime,
    until: datetime,
) -> Timeline:
    """The course of the capital of these links, in a constant number of queries.

    Args:
        links: Those that the user may see.
        user: Flows and changes of settings are told with what this user may look at.
        since: When the days begin.
        until: When they end.
    """
    began = read_capital_at(links, since)
    known = {each.link.pk: each.link for each in began}
    held = {key: link.capital.allocated_capital for key, link in known.items() if _has(link)}
    largest = sorted(known, key=lambda key: held.get(key, Decimal(0)), reverse=True)
    drawn = largest[:MOST_LINES]
    entries = _entries(largest[:MOST_READ], since, until)
    account_ids = sorted({link.account_id for link in known.values()})
    events = [
        *_runs(entries, known, since, until),
        *_settings(known.values(), user, since, until),
        *read_marks(account_ids, user, since=since, until=until),
    ]
    by_link: dict[int, list[Step]] = defaultdict(list)
    for entry in entries:
        by_link[entry.link_id].append(Step(entry.at, entry.after))
    firsts = {each.link.pk: each for each in began}
    return Timeline(
        since=since,
        until=until,
        courses=[Course(known[key], _course(firsts[key], by_link[key])) for key in drawn],
        left_out=len(known) - len(drawn),
        events=sorted(events, key=attrgetter("at"), reverse=True)[:MOST_EVENTS],
    )


def read_runs(
    links: Mapping[int, StrategyAccount], *, since: datetime, until: datetime
) -> list[Event]:
    """Runs that changed the capital of these links, or wanted to and could not, the newest first.

    Args:
        links: By primary key, with strategy and account.
        since: Runs after it.
        until: Runs until then.
    """
    entries = _entries(list(links)[:MOST_READ], since, until)
    return sorted(_runs(entries, links, since, until), key=attrgetter("at"), reverse=True)


@dataclass(frozen=True)
class _Entry:
    """One row of the record, as light as it can be: there may be thousands."""

    link_id: int
    run_id: int
    at: datetime
    before: Decimal | None
    after: Decimal | None
    code: str


def _has(link: StrategyAccount) -> bool:
    return getattr(link, "capital", None) is not None


def _course(first: CapitalAt, steps: Sequence[Step]) -> list[Step]:
    return [Step(first.at, first.amount), *steps]


def _entries(link_ids: Collection[int], since: datetime, until: datetime) -> list[_Entry]:
    # From where in the record that time begins: by time alone a database reads all years.
    runs = AllocationRun.objects.filter(created_at__gte=since - _CLOCKS_DIFFER)
    run = runs.order_by("created_at", "pk").values_list("pk", flat=True).first()
    pools = AllocationPool.objects.filter(run__gte=run or 0).order_by("run_id")
    pool = pools.values_list("pk", flat=True).first()
    if run is None or pool is None:
        return []
    rows = AllocationEntry.objects.filter(
        strategy_account__in=link_ids,
        pool__gte=pool,
        pool__run__gte=run,
        pool__run__created_at__gt=since,
        pool__run__created_at__lte=until,
    ).order_by()
    found = rows.values_list(
        "pk",
        "strategy_account_id",
        "pool__run_id",
        "pool__run__created_at",
        "before",
        "after",
        "code",
    )
    return [_Entry(*row[1:]) for row in sorted(found.iterator(), key=itemgetter(0))]


def _runs(
    entries: Sequence[_Entry],
    links: Mapping[int, StrategyAccount],
    since: datetime,
    until: datetime,
) -> list[Event]:
    """The newest runs that changed something, that wanted to and could not, or accepted a jump."""
    changes: dict[int, list[Change]] = defaultdict(list)
    for each in entries:
        if each.before != each.after:
            link = links[each.link_id]
            changes[each.run_id].append(Change(link, each.before, each.after, each.code))
    newest = sorted(changes, reverse=True)[:MOST_EVENTS]
    loud = AllocationRun.objects.filter(
        Q(outcome__in=_LOUD) | Q(arguments__accept_jump=True),
        account__in={link.account_id for link in links.values()},
        created_at__gt=since,
        created_at__lte=until,
    ).order_by("-created_at")
    keys = [*newest, *loud.values_list("pk", flat=True)[:MOST_EVENTS]]
    runs = AllocationRun.objects.filter(pk__in=keys).order_by().select_related("account", "actor")
    return [
        Event(run.created_at, run=run, changes=changes.get(run.pk, ()))
        for run in runs.defer("snapshot", "basis")
    ]


def _settings(
    links: Collection[StrategyAccount],
    user: AbstractUser | AnonymousUser,
    since: datetime,
    until: datetime,
) -> list[Event]:
    """What was paused, activated or archived: strategies, links and accounts."""
    strategies = {link.strategy_id for link in links}
    accounts = {link.account_id for link in links}
    of_link = Q(_recorded(links), row=ChangedRow.LINK, values__has_key="is_active")
    of_strategy = Q(row=ChangedRow.STRATEGY, strategy__in=strategies, values__has_key="status")
    of_account = Q(row=ChangedRow.ACCOUNT, account__in=accounts, values__has_key="is_active")
    return changed_settings(of_strategy | of_link | of_account, user, since, until)


def _recorded(links: Collection[StrategyAccount]) -> Q:
    """Changes of these links. They are of an account; which of its links it was, their name says.

    It begins with the strategy's key, which stays; the account's name behind it may be another now.
    """
    accounts: dict[str, set[int]] = defaultdict(set)
    for link in links:
        accounts[link.strategy.key].add(link.account_id)
    found = Q(pk__in=())
    for key, of_key in accounts.items():
        found |= Q(account__in=of_key, name__startswith=f"{key} @ ")
    return found
