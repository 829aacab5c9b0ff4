"""Finding accounts, and what their venue makes of them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from django.db.models import QuerySet

from capital.domain.allocation.links import Reserve
from capital.domain.allocation.rules import PolicyName, Rules, WithOpenPositions
from capital.domain.balances import BalanceBasis
from capital.domain.errors import AmbiguousAccount, NotFound, UnknownAccount, UnknownVenue
from capital.domain.pools import Pool, WalletMode, pools_of
from capital.domain.reasons import Code, Reason
from capital.exchange.venues import get_venue
from capital.models import Account
from capital.models.queries.compiled import CompiledRows
from capital.services.transactions import inside_transaction
from capital.traces import note_accounts
from strategies.markets import MarketType

# Primary keys, or a query that finds them. A statement that lists a thousand keys takes longer to
# make than to answer: whoever reads that many at one moment gives the query.
AccountIds: TypeAlias = Sequence[int] | QuerySet[Account, int]


def active_account_ids() -> list[int]:
    """Every account that is switched on, by primary key."""
    return list(Account.objects.filter(is_active=True).order_by("pk").values_list("pk", flat=True))


def find_account_ids(names: Sequence[str]) -> list[int]:
    """The accounts that people name by id or by exact name, each once, in order.

    An id goes before a name that looks like one.

    Raises:
        UnknownAccount: Nothing fits.
        AmbiguousAccount: Two owners have an account of this name.
    """
    found: dict[int, None] = {}
    for name in names:
        fitting: dict[int, Account] = {}
        if name.isascii() and name.isdigit() and len(name) < 19:
            fitting = Account.objects.in_bulk([int(name)])
        if not fitting:
            fitting = {account.pk: account for account in Account.objects.filter(name=name)}
        if not fitting:
            raise UnknownAccount(account=repr(name))
        if len(fitting) > 1:
            candidates = "; ".join(f"{key} = {fitting[key]}" for key in sorted(fitting))
            raise AmbiguousAccount(account=repr(name), candidates=candidates)
        found.update(dict.fromkeys(fitting))
    return list(found)


@inside_transaction
def lock_accounts(account_ids: Sequence[int]) -> dict[int, Account]:
    """Lock the rows for the rest of the transaction, and read them as they are now.

    Call it inside a transaction. In order of primary key, so that two batches cannot wait for each
    other. NO KEY, so that inserts of rows that merely point at an account go on.
    """
    locked = {account.pk: account for account in _LOCKED.instances(account_ids)}
    note_accounts(locked)
    return locked


@inside_transaction
def lock_account(account_id: int) -> Account:
    """Lock one account for the rest of the transaction, and read it as it is now.

    Call it inside a transaction.

    Raises:
        NotFound: It is gone: also one that was there just now, and was removed by whoever held the
            lock.
    """
    locked = lock_accounts([account_id]).get(account_id)
    if locked is None:
        raise NotFound
    return locked


_LOCKED = CompiledRows(
    Account,
    lambda ids: Account.objects.select_for_update(no_key=True).filter(pk__among=ids).order_by("pk"),
)


def stands_for(venue: str, currency: str) -> AbstractSet[str]:
    """Settle currencies that an account's currency stands for on its venue, one for one."""
    try:
        return get_venue(venue).stands_for.get(currency, frozenset())
    except UnknownVenue:
        return frozenset()


def markets_of_venue(venue: str) -> AbstractSet[MarketType]:
    """What can be traded there. A venue that is no longer known is not judged."""
    try:
        return get_venue(venue).markets
    except UnknownVenue:
        return frozenset(MarketType)


def wallet_mode_problem(account: Account) -> Reason | None:
    """Why the account's pools cannot be told; None where its venue has its wallet mode.

    ``save`` refuses such a mode. What got around it would take the whole of an account for one
    pool, or read wallets that are not there.
    """
    try:
        venue = get_venue(account.venue)
    except UnknownVenue:
        return None  # not judged; its pools are not read
    if account.wallet_mode in venue.wallet_modes:
        return None
    return Reason(
        Code.WALLET_MODE_NOT_ON_VENUE,
        {"venue": venue.id, "mode": account.wallet_mode, "modes": ", ".join(venue.wallet_modes)},
    )


def pools_of_account(account: Account) -> tuple[Pool, ...]:
    """The pools that the account's money is read from, spot first.

    Without those that its venue cannot give in its balance type: no active link uses one, as the
    models see to. If it can give none, all of them, so that the reason is told.
    """
    return _pools(account.venue, account.wallet_mode, account.balance_basis, account.currency)


@lru_cache(maxsize=1024)
def _pools(venue_id: str, wallet_mode: str, balance_basis: str, currency: str) -> tuple[Pool, ...]:
    """By what they depend on: a thousand accounts have a dozen answers among them."""
    mode = WalletMode(wallet_mode)
    pools = pools_of(mode, markets_of_venue(venue_id))
    try:
        venue = get_venue(venue_id)
    except UnknownVenue:
        return pools
    if mode not in venue.wallet_modes or balance_basis not in list(BalanceBasis):
        return pools
    return venue.readable_pools(BalanceBasis(balance_basis), mode, currency) or pools


def reserve_of(account: Account) -> Reserve:
    """What the account keeps back of each pool."""
    return Reserve(account.reserve_percent, account.reserve_amount)


def rules_of(account: Account) -> Rules:
    """By which policy the account's pools are divided."""
    return _rules(
        account.policy,
        account.lookback_days,
        account.max_unexplained_percent,
        account.drift_band_percent,
        account.with_open_positions,
        account.counts_spot_holdings,
    )


# Most accounts have the same.
@lru_cache(maxsize=256)
def _rules(
    policy: str,
    lookback_days: int,
    max_unexplained_percent: Decimal,
    drift_band_percent: Decimal,
    with_open_positions: str,
    counts_spot_holdings: bool,  # noqa: FBT001  # a column among others
) -> Rules:
    return Rules(
        policy=PolicyName(policy),
        lookback_days=lookback_days,
        max_unexplained_percent=max_unexplained_percent,
        drift_band_percent=drift_band_percent,
        with_open_positions=WithOpenPositions(with_open_positions),
        counts_spot_holdings=counts_spot_holdings,
    )
