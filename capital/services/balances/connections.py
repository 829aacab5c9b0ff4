"""Whether every pool of an account can be read, and what to do if not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from capital.domain.balances import Observation
from capital.domain.clock import Clock
from capital.domain.errors import UnknownAccount
from capital.domain.money import with_decimals
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.access.roles import Act, require
from capital.services.accounts.linked import load_linked_accounts
from capital.services.balances.keys import key_notices
from capital.services.balances.live import ObservedBalance, observe_balances
from capital.services.balances.readings import JudgedReadings, judge_all, judge_readings
from capital.services.balances.summaries import load_summaries
from capital.services.balances.sync import note_recovery
from capital.services.balances.trails import Moves
from capital.services.transactions import outside_transaction

# What to do about a reason that does not say so itself.
ADVICE: Mapping[Code, Code] = {
    Code.EXCHANGE_TIMEOUT: Code.CHECK_NETWORK,
    Code.EXCHANGE_UNREACHABLE: Code.CHECK_NETWORK,
    Code.EXCHANGE_CURRENCY_MISSING: Code.CHECK_CURRENCY,
    Code.EXCHANGE_BAD_ANSWER: Code.CHECK_VENUE,
    Code.EXCHANGE_BAD_MARKETS: Code.CHECK_VENUE,
    Code.EXCHANGE_NOT_SUPPORTED: Code.CHECK_VENUE,
    Code.EXCHANGE_ERROR: Code.CHECK_VENUE,
    Code.EXCHANGE_PAUSED: Code.AWAIT_PAUSE,
    Code.LIVE_DISABLED: Code.SWITCH_LIVE_ON,
}


@dataclass(frozen=True)
class PoolAnswer:
    """The balance of one pool, or why it cannot be read.

    Attributes:
        amount: In account currency, unrounded, with the currency's decimals at least; None if
            unknown.
        observed_at: When it was read; None if it was not.
        reason: Why it cannot be read; None if it can.
        advice: What to do about it, unless the reason says so itself.
    """

    pool: Pool
    amount: Decimal | None
    observed_at: datetime | None
    reason: Reason | None = None
    advice: Reason | None = None


@dataclass(frozen=True)
class ConnectionReport:
    """One account's connection at one moment.

    Attributes:
        notices: Other things that an operator should know, even if the connection works.
    """

    account: Account
    checked_at: datetime
    pools: tuple[PoolAnswer, ...]
    notices: tuple[Reason, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every pool was read."""
        return all(pool.reason is None for pool in self.pools)

    @property
    def silent(self) -> bool:
        """Whether no pool was read."""
        return all(pool.reason is not None for pool in self.pools)


@outside_transaction
def check_connection(
    account_id: int, *, actor: AbstractUser | None = None, clock: Clock = timezone.now
) -> ConnectionReport:
    """Read every pool of the account now, and check its key and settings.

    It stores no balance. Where every pool answers, the account is no longer said to be unreadable,
    as after the next sync. Call it outside a transaction: it waits for the exchange.

    Args:
        account_id: The account's primary key; it may be inactive.
        actor: The user who asks; None may see every account.
        clock: Gives the current time.

    Raises:
        UnknownAccount: There is no such account, or the actor may not see it.
        NotPermitted, RoleTooSmall: The actor may not: it signs requests with the account's keys.
    """
    require(actor, Act.CHECK_CONNECTION, account_ids=[account_id])
    accounts = Account.objects.filter(pk=account_id)
    if not accounts.exists():
        raise UnknownAccount(account=str(account_id))
    balances = observe_balances([account_id], clock=clock)
    account = accounts.get() if not balances else balances[0].account
    now = clock()
    report = ConnectionReport(
        account=account,
        checked_at=now,
        pools=tuple(_answer(balance) for balance in balances),
        notices=tuple(notice for notices in NOTICES for notice in notices(account, balances, now)),
    )
    if report.sound:
        answers = {(account.pk, balance.pool): balance.answer for balance in balances}
        note_recovery(account, answers, now=now)
    return report


def _answer(balance: ObservedBalance) -> PoolAnswer:
    answer = balance.answer
    if isinstance(answer, Observation):
        amount = with_decimals(answer.amount, balance.account.currency)
        return PoolAnswer(balance.pool, amount, answer.observed_at)
    advice = ADVICE.get(answer.code)
    return PoolAnswer(balance.pool, None, None, answer, None if advice is None else Reason(advice))


def _switched_off(
    account: Account, _balances: Sequence[ObservedBalance], _now: datetime
) -> Iterator[Reason]:
    if not account.is_active:
        yield Reason(Code.JOBS_SKIP_IT)


def _sandbox(
    account: Account, _balances: Sequence[ObservedBalance], _now: datetime
) -> Iterator[Reason]:
    if account.is_sandbox:
        yield Reason(Code.IS_SANDBOX, {"venue": account.venue})


def _jumps(
    account: Account, balances: Sequence[ObservedBalance], now: datetime
) -> Iterator[Reason]:
    """Suspect balances, which would put the account on hold."""
    latest = load_summaries([account.pk], now=now)[account.pk].latest
    pools = [balance.pool for balance in balances]
    answers = {(account.pk, balance.pool): balance.answer for balance in balances}

    def judge(_key: int, moves: Moves) -> JudgedReadings:
        return judge_readings(account, pools, answers, latest, now=now, moves=moves)

    judged = judge_all({account.pk: account}, judge, now=now)[account.pk]
    for pool, suspect in judged.suspects.items():
        yield suspect.reason(account, pool)


def _names(
    _account: Account, balances: Sequence[ObservedBalance], _now: datetime
) -> Iterator[Reason]:
    """What an exchange without a row calls the balances that were recognised."""
    for balance in balances:
        if isinstance(balance.answer, Observation) and balance.answer.called:
            yield Reason(
                Code.BALANCE_IS_CALLED,
                {
                    "pool": balance.pool.value,
                    "venue": balance.account.venue,
                    "field": balance.answer.called,
                },
            )


def _unused_pools(
    account: Account, balances: Sequence[ObservedBalance], _now: datetime
) -> Iterator[Reason]:
    """Pools with money that no strategy uses."""
    mode = WalletMode(account.wallet_mode)
    links = load_linked_accounts([account.pk], accounts={account.pk: account})[account.pk].links
    used = {pool_of(link.market, mode) for link in links if link.idle is None}
    idle = [
        balance.pool.value
        for balance in balances
        if balance.pool not in used
        and isinstance(balance.answer, Observation)
        and balance.answer.amount > 0
    ]
    if idle:
        yield Reason(Code.POOL_UNUSED, {"pools": ", ".join(idle)})


# All other notices about a connection. Each function gets the account and the answers of its
# exchange, and yields any number of notices.
Notice = Callable[[Account, Sequence[ObservedBalance], datetime], Iterator[Reason]]
NOTICES: tuple[Notice, ...] = (
    _switched_off,
    _sandbox,
    key_notices,
    _names,
    _jumps,
    _unused_pools,
)
