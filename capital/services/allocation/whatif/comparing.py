"""What-if: the days on record beside the same days by another policy. Nothing is written."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from capital.domain.allocation.links import Link
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.errors import UnknownAccount
from capital.domain.performance.measures.periods import Period
from capital.domain.reasons import Code, Reason
from capital.domain.whatif.course import Course
from capital.domain.whatif.replaying import as_recorded, replayed
from capital.models import Account
from capital.services.accounts.linked import load_linked_accounts
from capital.services.allocation.whatif.reading import read_record

# What no replay can know.
_ALWAYS = (Code.REPLAY_SAME_RETURNS, Code.REPLAY_PRESENT_SETTINGS, Code.REPLAY_DAILY)


@dataclass(frozen=True)
class Comparison:
    """Two courses of the same days.

    Attributes:
        rules: By which the days were replayed.
        links: Those with a day on record, by primary key.
        recorded: The days as they were.
        replayed: The days by the rules.
        unknown: What the replay assumes, and what is not on record.
    """

    account: Account
    rules: Rules
    links: tuple[Link, ...]
    recorded: Course
    replayed: Course
    unknown: tuple[Reason, ...]

    @property
    def days(self) -> list[date]:
        """Oldest first."""
        return [day.date for day in self.recorded.days]


def replay_policy(
    account_id: int,
    policy: PolicyName,
    *,
    period: Period,
    lookback_days: int | None = None,
    drift_band_percent: Decimal | None = None,
) -> Comparison:
    """Replay the days on record of an account by a policy.

    Args:
        account_id: Primary key; the caller has checked that it may be seen.
        policy: By which the pools are divided.
        period: Which days; only those on record are taken.
        lookback_days: Over how many days volatility is measured; None for the account's.
        drift_band_percent: How far capital may be from its target; None for the account's.

    Raises:
        UnknownAccount: There is no such account.
        NothingToReplay: No strategy has a day on record in the period.
    """
    linked = load_linked_accounts([account_id]).get(account_id)
    if linked is None:
        raise UnknownAccount(account=str(account_id))
    rules = replace(linked.rules, policy=policy)
    if lookback_days is not None:
        rules = replace(rules, lookback_days=lookback_days)
    if drift_band_percent is not None:
        rules = replace(rules, drift_band_percent=drift_band_percent)
    on_record = read_record(linked, period, lookback_days=rules.lookback_days)
    course = replayed(on_record.record, rules)
    links = tuple(each.link for each in on_record.record.links)
    without = [
        Reason(
            Code.REPLAY_WITHOUT_RETURN,
            {"strategy": link.strategy_key, "days": str(course.unknown[link.id])},
        )
        for link in links
        if course.unknown.get(link.id)
    ]
    return Comparison(
        account=linked.account,
        rules=rules,
        links=links,
        recorded=as_recorded(on_record.record),
        replayed=course,
        unknown=(*map(Reason, _ALWAYS), *on_record.missing, *without),
    )
