"""What policies have to know of links and pools, read for a batch of accounts at once.

Accounts that divide by weight need none of it, and cost no query.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from capital.domain.allocation.gate import Inputs, Settled
from capital.domain.allocation.links import Link
from capital.domain.allocation.policies.contract import Known, LinkFacts, PoolFacts
from capital.domain.allocation.rules import PolicyName
from capital.domain.balances import BalanceBasis, PoolReading
from capital.domain.limits.judging import Kind
from capital.domain.money import EXACT, booked
from capital.domain.performance.earned import after_costs
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.measures.ratios import deviation
from capital.domain.performance.measures.returns import Day
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code
from capital.models import Flow, LimitState, LinkDay
from capital.services.accounts.denomination import Denomination
from capital.services.accounts.linked import CapitalRow, LinkedAccount
from capital.services.allocation.inputs import load_last_inputs
from capital.services.allocation.policies.in_use import NOTHING_IN_USE, InUse
from capital.services.balances.summaries import business_date
from capital.services.trading.counted import Earned, read_earned
from capital.services.trading.packed.months import COLUMNS, DayRow
from strategies.markets import MarketType

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
_FEWEST_FOR_A_DEVIATION = 2
_PUT_IN = [kind.value for kind in FlowKind if not kind.is_earned]
# Such a link left its claim to the others: it begins again as a new one.
_GONE = frozenset({Code.STRATEGY_ARCHIVED, Code.LINK_INACTIVE, Code.MARKET_NOT_ON_VENUE})

_Readings = Mapping[Pool, PoolReading]


@dataclass(frozen=True)
class Told:
    """What is known of one account.

    Attributes:
        known: What its policy has to know.
        earned: By link, what it earned until the reading; of links that ever traded.
        settled: How each pool that has a balance stands now.
        before: How each pool stood when its capital was last decided.
        in_use: What its links have in use.
        last: What the last run that allocated was decided on, where what is in use is not known.
    """

    known: Known = field(default_factory=Known)
    earned: Mapping[int, Earned] = field(default_factory=dict)
    settled: Mapping[Pool, Settled] = field(default_factory=dict)
    before: Mapping[Pool, Settled] = field(default_factory=dict)
    in_use: InUse = NOTHING_IN_USE
    last: Inputs | None = None


NOTHING_TOLD = Told()


def load_known(
    linked_accounts: Mapping[int, LinkedAccount],
    readings: Mapping[int, _Readings],
    in_use: Mapping[int, InUse],
    *,
    now: datetime,
) -> dict[int, Told]:
    """What the policies of these accounts have to know, by account.

    At most two queries more than dividing by weight costs, besides what is counted of PnL anyway.

    Args:
        linked_accounts: By primary key.
        readings: The judged balances of each, with what counts of holdings.
        in_use: What the links of each have in use.
        now: Decides which day it is, and which marks are fresh.
    """
    of_policy: dict[PolicyName, dict[int, LinkedAccount]] = defaultdict(dict)
    for key, linked in linked_accounts.items():
        of_policy[linked.rules.policy][key] = linked
    found = _calm(of_policy[PolicyName.INVERSE_VOLATILITY], now=now)
    found |= _own(of_policy[PolicyName.OWN_PROFIT], readings, now=now)
    drawdowns = _drawdowns(linked_accounts.values())
    return {
        key: _with_in_use(
            _with_drawdowns(found.get(key, NOTHING_TOLD), linked, drawdowns), in_use[key]
        )
        for key, linked in linked_accounts.items()
    }


def _drawdowns(linked_accounts: Iterable[LinkedAccount]) -> dict[int, Decimal]:
    """How deep the links stand that are scaled by it, as it was last judged; in one query.

    Where a mark is missing now, the last run's figure stands, in one query more: a link that lost
    must not get its whole share again because of that.
    """
    scaled = {
        link.id: linked.account.pk
        for linked in linked_accounts
        for link in linked.links
        if link.bounds.drawdown_scaling and link.idle is None
    }
    if not scaled:
        return {}
    rows = LimitState.objects.filter(strategy_account__in=scaled, kind=Kind.DRAWDOWN.value)
    used = dict(rows.order_by().values_list("strategy_account_id", "used"))
    found = {link_id: each for link_id, each in used.items() if each is not None}
    unknown = [link_id for link_id in used if link_id not in found]
    if not unknown:
        return found
    last = load_last_inputs(list({scaled[link_id] for link_id in unknown}))
    for link_id in unknown:
        then = last.get(scaled[link_id])
        known = None if then is None else _drawdown_of(link_id, then)
        if known is not None:
            found[link_id] = known
    return found


def _drawdown_of(link_id: int, then: Inputs) -> Decimal | None:
    """The figure of a run; none for a link that was stopped: once lifted, it begins again."""
    link, facts = then.links.get(link_id), then.known.links.get(link_id)
    return None if link is None or link.stopped or facts is None else facts.drawdown_percent


def _with_drawdowns(told: Told, linked: LinkedAccount, drawdowns: Mapping[int, Decimal]) -> Told:
    if not drawdowns:
        return told
    facts = dict(told.known.links)
    for link in linked.links:
        if link.id in drawdowns:
            known = facts.get(link.id, LinkFacts())
            facts[link.id] = replace(known, drawdown_percent=drawdowns[link.id])
    return replace(told, known=replace(told.known, links=facts))


def _with_in_use(told: Told, in_use: InUse) -> Told:
    # Most accounts have nothing in use, and are told nothing.
    if in_use == NOTHING_IN_USE:
        return told
    return replace(told, known=in_use.told(told.known), in_use=in_use)


def _calm(linked_accounts: Mapping[int, LinkedAccount], *, now: datetime) -> dict[int, Told]:
    """The volatility of the active links' daily returns, in one query."""
    links = {
        link.id: linked
        for linked in linked_accounts.values()
        for link in linked.links
        if link.idle is None
    }
    if not links:
        return {}
    today = business_date(now)
    longest = max(linked.rules.lookback_days for linked in linked_accounts.values())
    rows: dict[int, list[DayRow]] = defaultdict(list)
    # The day before the first one says what was unrealised at its start.
    days = LinkDay.objects.filter(
        strategy_account__in=links, date__gte=today - (longest + 1) * _DAY, date__lt=today
    )
    for each in days.order_by("strategy_account", "date").values_list(*COLUMNS):
        row = DayRow(*each)
        if row.currency == links[row.link_id].account.currency:
            rows[row.link_id].append(row)
    facts: dict[int, LinkFacts] = {}
    for link_id, linked in links.items():
        first = today - linked.rules.lookback_days * _DAY
        returns = _returns(rows[link_id], first=first)
        enough = len(returns) >= _FEWEST_FOR_A_DEVIATION
        facts[link_id] = LinkFacts(
            volatility=booked(deviation(returns)) if enough else None, days=len(returns)
        )
    return {
        key: Told(Known({link.id: facts[link.id] for link in linked.links if link.id in facts}))
        for key, linked in linked_accounts.items()
    }


def _returns(rows: Sequence[DayRow], *, first: date) -> list[Decimal]:
    """The returns of the days with a position or a trade, from ``first`` on."""
    returns = []
    worth = rows[0].worth_start if rows else None
    for row in rows:
        start, worth = worth, row.unrealized
        if row.date < first or not (row.fills or row.realized or row.funding or start or worth):
            continue
        earned = after_costs(row.realized, fees=row.fees, funding=row.funding)
        day = Day(row.date, row.equity_start, row.capital_added, earned, start, worth)
        if day.daily_return is not None:
            returns.append(day.daily_return)
    return returns


def _own(
    linked_accounts: Mapping[int, LinkedAccount],
    readings: Mapping[int, _Readings],
    *,
    now: datetime,
) -> dict[int, Told]:
    """What each link earned since its capital was decided, and what came from outside."""
    if not linked_accounts:
        return {}
    last = load_last_inputs(list(linked_accounts))
    flows = _flows(linked_accounts)
    moments: dict[int, datetime] = {}
    moneys: dict[int, Denomination] = {}
    for key, linked in linked_accounts.items():
        mode = WalletMode(linked.account.wallet_mode)
        for link in linked.links:
            reading = readings[key].get(pool_of(link.market, mode))
            moments[link.id] = (reading and reading.observed_at) or now
            moneys[link.id] = Denomination.of(linked.account)
    traded = {
        link_id: moments[link_id]
        for linked in linked_accounts.values()
        for link_id in linked.traded
        if _begins(linked, link_id) is not None or link_id in linked.reported
    }
    earned = read_earned(traded, moneys, now=now)
    return {
        key: _told(linked, readings[key], last.get(key), flows.get(key, ()), earned)
        for key, linked in linked_accounts.items()
    }


# When it came or went, in which pool, how much.
_Moved = tuple[datetime, Pool, Decimal]


def _flows(linked_accounts: Mapping[int, LinkedAccount]) -> dict[int, list[_Moved]]:
    """What ever came or went without having been earned, in the accounts' currencies."""
    found: dict[int, list[_Moved]] = defaultdict(list)
    rows = Flow.objects.filter(
        account__in=linked_accounts, kind__in=_PUT_IN, matched_by__isnull=True
    ).order_by("pk")
    columns = ("account_id", "currency", "occurred_at", "pool", "amount")
    for account_id, currency, at, pool, amount in rows.values_list(*columns):
        money = Denomination.of(linked_accounts[account_id].account)
        if money.counted(currency, pool) == money.currency:
            found[account_id].append((at, Pool(pool), amount))
    return found


def _told(
    linked: LinkedAccount,
    readings: _Readings,
    last: Inputs | None,
    flows: Iterable[_Moved],
    earned: Mapping[int, Earned],
) -> Told:
    account, flows = linked.account, list(flows)
    mode, is_equity = WalletMode(account.wallet_mode), account.balance_basis == BalanceBasis.EQUITY
    gains = {
        link.id: _gain(
            linked.standing.get(link.id) or CapitalRow(link.id),
            earned.get(link.id),
            # Coins that a spot strategy holds count at their market price.
            is_equity=is_equity or link.market is MarketType.SPOT,
        )
        if link.id not in linked.reported
        else None
        for link in linked.links
    }
    before = _settled_before(linked, last)
    settled, pools = {}, {}
    for pool, reading in readings.items():
        if reading.total is None:
            continue
        total = _sum(each for at, of, each in flows if of is pool and _by(at, reading.observed_at))
        settled[pool] = Settled(reading.total, total, reading.observed_at)
        then = before.get(pool)
        pools[pool] = PoolFacts(
            balance_then=None if then is None else then.balance,
            external=_ZERO if then is None else _external(total, then, pool, flows),
            earned=_sum(
                gains[link.id] or _ZERO
                for link in linked.links
                if pool_of(link.market, mode) is pool
            ),
        )
    links = {}
    for link in linked.links:
        pool = pool_of(link.market, mode)
        decided = last and last.of(pool)
        is_new = _is_new(link, decided, pool)
        links[link.id] = LinkFacts(earned=gains[link.id], is_new=is_new)
    of_account = {link.id: earned[link.id] for link in linked.links if link.id in earned}
    return Told(Known(links, pools), of_account, settled, before)


def _gain(capital: CapitalRow, earned: Earned | None, *, is_equity: bool) -> Decimal | None:
    """What a link earned since its capital was decided; None where that is not known."""
    if earned is None or capital.pnl_since is None:
        return _ZERO
    gain = EXACT.subtract(earned.until, capital.pnl_counted)
    if not is_equity:
        return gain
    if earned.unrealized is None or capital.unrealized_then is None:
        return None
    return EXACT.add(gain, EXACT.subtract(earned.unrealized, capital.unrealized_then))


def _begins(linked: LinkedAccount, link_id: int) -> datetime | None:
    """From when the earnings of a link count; None where its capital was never decided."""
    capital = linked.standing.get(link_id)
    return None if capital is None else capital.pnl_since


def _settled_before(linked: LinkedAccount, last: Inputs | None) -> dict[Pool, Settled]:
    """As the last run kept it; of a run by another policy its balance, and when that was read."""
    if last is None:
        return {}
    mode = WalletMode(linked.account.wallet_mode)
    moments: dict[Pool, datetime] = {}
    for link in linked.links:
        since = _begins(linked, link.id)
        if since is not None:
            pool = pool_of(link.market, mode)
            moments[pool] = max(moments.get(pool, since), since)
    decided = {pool: then for pool in Pool if (then := last.of(pool)) is not None}
    by_balance = {
        pool: Settled(then.balances[pool], at=moments.get(pool))
        for pool, then in decided.items()
        if pool in then.balances
    }
    return {**by_balance, **last.settled}


def _external(total: Decimal, then: Settled, pool: Pool, flows: Iterable[_Moved]) -> Decimal:
    """What came or went since then; where it was kept, also what was not known then."""
    if then.external is not None:
        return EXACT.subtract(total, then.external)
    before = _sum(each for at, of, each in flows if of is pool and _by(at, then.at))
    return EXACT.subtract(total, before)


def _is_new(link: Link, last: Inputs | None, pool: Pool) -> bool:
    """Whether it had no part in the last decision, or left its claim to the others there.

    Who waited then has a claim only if ``own_profit`` kept one for it: another division gave it to
    the others, and who was new and waited has none yet. What a revert gave back is a claim again.
    """
    if last is None or link.capital is None or link.id not in last.links:
        return True
    if pool in last.restored and EXACT.add(link.capital, link.set_aside):
        return False
    idle = last.links[link.id].idle
    if idle is None or idle in _GONE:
        return idle is not None
    is_kept = last.rules.divides_by is PolicyName.OWN_PROFIT
    return not is_kept or last.known.of(link).is_new


def _by(at: datetime, moment: datetime | None) -> bool:
    return moment is None or at <= moment


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = _ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
