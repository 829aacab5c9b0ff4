"""Whose turn it is where accounts are more than an exchange's limit allows within a minute."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil

from django.conf import settings

from capital.domain.errors import UnknownVenue
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.sharing.slices import requests_a_minute
from capital.exchange.venues import get_venue
from capital.models import Account, DailyAccountSummary
from capital.services.accounts.lookup import pools_of_account
from capital.services.balances.summaries import cached_observation, load_latest

# As many as every exchange's limit allows at once: their order does not matter.
ALL_AT_ONCE = 100
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ReadingTime:
    """How long it takes until every account of a venue was read once.

    Attributes:
        venue: The venue.
        accounts: How many accounts are read there.
        minutes: In how many minutes its limit for one address allows that.
    """

    venue: str
    accounts: int
    minutes: int

    @property
    def reason(self) -> Reason:
        """The same, for a sentence."""
        figures = {"accounts": str(self.accounts), "minutes": str(self.minutes)}
        return Reason(Code.READINGS_TAKE_TURNS, {"venue": self.venue, **figures})


def longest_waiting_first(
    account_ids: Sequence[int], *, now: datetime, due: Collection[int] = ()
) -> list[int]:
    """The accounts in the order in which they are to be read; in two queries.

    First those that are due, then those that were never read and those whose cached balance will
    soon be too old to be used, then whoever waited longest. An account that fails again and again
    is paused, and takes no turn then. A hundred accounts or fewer stay as they are.

    Args:
        account_ids: Primary keys.
        now: The current time.
        due: The accounts whose allocation waits for the reading.
    """
    if len(account_ids) <= ALL_AT_ONCE:
        return list(account_ids)
    columns = ("venue", "wallet_mode", "currency", "balance_basis", "max_cache_age_hours")
    accounts = {
        account.pk: account for account in Account.objects.filter(pk__in=account_ids).only(*columns)
    }
    latest = load_latest(account_ids, now=now)
    turns = {key: _turn(account, latest.get(key), now=now) for key, account in accounts.items()}
    return sorted(
        (key for key in account_ids if key in turns),
        key=lambda key: (key not in due, *turns[key], key),
    )


def _turn(
    account: Account, summary: DailyAccountSummary | None, *, now: datetime
) -> tuple[bool, datetime]:
    """Sorts by what is needed most, then by the oldest balance of its pools."""
    known = (cached_observation(summary, pool, now=now) for pool in pools_of_account(account))
    # A pool that was never read while another one was cannot be read, and would always be first.
    oldest = min((each.observed_at for each in known if each is not None), default=_LONG_AGO)
    # A tenth of its time is left.
    needed_since = now - account.max_cache_age * 9 / 10
    return oldest > needed_since, oldest


def reading_times(accounts: Iterable[Account]) -> list[ReadingTime]:
    """How long a round over all accounts of each venue takes, by the venue's name.

    Args:
        accounts: All that leave through one address. Venue, wallet mode, currency and balance type
            count.
    """
    minutes: dict[tuple[str, Pool], Fraction] = {}
    numbers: dict[str, int] = {}
    alike: dict[tuple[str, ...], list[Account]] = defaultdict(list)
    for account in accounts:
        kind = account.venue, account.wallet_mode, account.currency, account.balance_basis
        alike[kind].append(account)
    for (venue, *_), of_kind in alike.items():
        numbers[venue] = numbers.get(venue, 0) + len(of_kind)
        for pool, part in _parts_of_a_minute(of_kind[0]).items():
            minutes[venue, pool] = minutes.get((venue, pool), Fraction(0)) + part * len(of_kind)
    slowest: dict[str, int] = {}
    for (venue, _), taken in minutes.items():
        slowest[venue] = max(slowest.get(venue, 0), ceil(taken))
    return [ReadingTime(venue, numbers[venue], taken) for venue, taken in sorted(slowest.items())]


def read_in_turns(times: Iterable[ReadingTime]) -> list[ReadingTime]:
    """The venues whose accounts cannot all be read as often as the settings ask."""
    return [each for each in times if each.minutes > settings.CAPITAL_SYNC_MINUTES]


def minutes_of_a_round(times: Iterable[ReadingTime]) -> int:
    """In how many minutes every account is read once: no sooner than the settings ask."""
    return max([settings.CAPITAL_SYNC_MINUTES, *(each.minutes for each in times)])


def all_reading_times() -> list[ReadingTime]:
    """``reading_times`` of every active account, in one query."""
    columns = ("venue", "wallet_mode", "currency", "balance_basis")
    return reading_times(Account.objects.filter(is_active=True).order_by().only(*columns))


def _parts_of_a_minute(account: Account) -> Mapping[Pool, Fraction]:
    """What part of a venue's minute one reading of the account takes, by pool."""
    try:
        venue = get_venue(account.venue)
        calls = {pool: venue.call(pool, account.currency) for pool in pools_of_account(account)}
    except (UnknownVenue, KeyError, StopIteration):
        return {}  # it cannot be read at all
    possible = {pool: requests_a_minute(call.weight, call.pace) for pool, call in calls.items()}
    return {pool: Fraction(1, number) for pool, number in possible.items() if number is not None}
