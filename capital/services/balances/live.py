"""Live balances from the exchanges. Nothing is written."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.clock import Clock
from capital.domain.errors import CredentialsUnreadable, UnknownVenue
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.contract import BalanceRequest, Contents, Credentials, KeyFacts, OnAccount
from capital.exchange.gateway import get_gateway
from capital.exchange.moments import Moment
from capital.exchange.venues import get_venue
from capital.models import Account
from capital.services.accounts.lookup import pools_of_account, wallet_mode_problem
from capital.services.balances.owners import known_owners
from capital.services.transactions import outside_transaction

logger = logging.getLogger(__name__)

LiveAnswers = Mapping[tuple[int, Pool], Observation | Reason]


@dataclass(frozen=True)
class ObservedBalance:
    """One pool of one account, live: an observation, or the reason why there is none.

    Attributes:
        others: The balances in other currencies, if they were requested.
    """

    account: Account
    pool: Pool
    answer: Observation | Reason
    others: Mapping[str, Decimal] = field(default_factory=dict)


@outside_transaction
def observe_pools(
    wanted: Sequence[tuple[Account, Sequence[Pool]]],
    *,
    live: bool = True,
    clock: Clock = timezone.now,
    on_account: OnAccount | None = None,
    until: Moment | None = None,
) -> LiveAnswers:
    """Read the wanted pools of each account from its exchange, concurrently.

    Call it outside a transaction: it waits for them.

    Args:
        wanted: Accounts, each once, with the pools to read.
        live: False returns ``live_disabled`` and calls no exchange, as does the setting
            ``CAPITAL_LIVE_BALANCES`` when it is off.
        clock: Gives the time at which a response arrived.
        on_account: Told of each account whose exchange was called; it must not wait.
        until: When all of them are to be answered; None where each account has the usual time.

    Returns:
        An answer for every wanted account id and pool.
    """
    answers: dict[tuple[int, Pool], Observation | Reason] = {}
    requests = []
    for account, pools in wanted:
        if not pools:
            continue
        prepared = (
            balance_request(account, pools)
            if live and settings.CAPITAL_LIVE_BALANCES
            else Reason(Code.LIVE_DISABLED)
        )
        if isinstance(prepared, Reason):
            answers.update({(account.pk, pool): prepared for pool in pools})
        else:
            requests.append(prepared)
    if requests:
        answers.update(_ask(requests, clock, on_account, until))
    return answers


def none_asked(account_ids: Iterable[int]) -> LiveAnswers:
    """The answers for every pool of these accounts where no exchange is to be called."""
    reason = Reason(Code.LIVE_DISABLED)
    return {(account_id, pool): reason for account_id in account_ids for pool in Pool}


@outside_transaction
def observe_again(
    wanted: Sequence[tuple[Account, Sequence[Pool]]],
    *,
    clock: Clock = timezone.now,
    until: Moment | None = None,
) -> LiveAnswers:
    """Read pools a second time, because money may have moved between them during the first.

    Call it outside a transaction: it waits for the exchanges. Of an account that cannot be read
    whole there is no live balance at all: one pool of now, beside another of before, is what is to
    be avoided.

    Args:
        wanted: Accounts, each once, with the pools to read.
        clock: Gives the time at which a response arrived.
        until: When all of them are to be answered; None for the usual time of each.
    """
    answers = dict(observe_pools(wanted, clock=clock, until=until))
    for account, pools in wanted:
        keys = [(account.pk, pool) for pool in pools]
        if any(isinstance(answers[key], Reason) for key in keys):
            apart = Reason(Code.POOLS_READ_APART, {"venue": account.venue})
            answers |= {key: apart for key in keys if not isinstance(answers[key], Reason)}
    return answers


@outside_transaction
def observe_balances(
    account_ids: Sequence[int], *, clock: Clock = timezone.now
) -> list[ObservedBalance]:
    """Every pool of each account as on its exchange now, in the order of the ids.

    Call it outside a transaction: it waits for the exchanges.
    """
    accounts = Account.objects.in_bulk(account_ids)
    wanted = [
        (account, pools_of_account(account))
        for account_id in account_ids
        if (account := accounts.get(account_id)) is not None
    ]
    answers = observe_pools(wanted, clock=clock)
    return [
        ObservedBalance(account, pool, answers[account.pk, pool])
        for account, pools in wanted
        for pool in pools
    ]


def _ask(
    requests: Sequence[BalanceRequest],
    clock: Clock,
    on_account: OnAccount | None,
    until: Moment | None,
) -> LiveAnswers:
    """The gateway's answers. An error of the gateway is a reason, so the cache may be used."""
    try:
        gateway = get_gateway() if until is None else get_gateway(until=until)
        return gateway.fetch_balances(requests, clock=clock, on_account=on_account)
    except Exception as error:  # noqa: BLE001  # never its text: it may hold what was signed
        kind = type(error).__name__
        logger.error("The balances of %s accounts could not be read (%s).", len(requests), kind)
    return {
        (request.account_id, pool): Reason(
            Code.EXCHANGE_ERROR, {"venue": request.venue.id, "kind": kind}
        )
        for request in requests
        for pool in request.pools
    }


@outside_transaction
def observe_wallets(
    account_ids: Sequence[int], *, clock: Clock = timezone.now
) -> list[ObservedBalance]:
    """Like ``observe_balances``, with the other coins of each wallet, for display only.

    Call it outside a transaction: it waits for the exchanges.
    """
    accounts = Account.objects.in_bulk(account_ids)
    wanted = [
        (account, pools_of_account(account))
        for account_id in account_ids
        if (account := accounts.get(account_id)) is not None
    ]
    read: dict[tuple[int, Pool], Contents | Reason] = {}
    requests = []
    for account, pools in wanted:
        live = settings.CAPITAL_LIVE_BALANCES
        prepared = balance_request(account, pools) if live else Reason(Code.LIVE_DISABLED)
        if isinstance(prepared, Reason):
            read.update({(account.pk, pool): prepared for pool in pools})
        else:
            requests.append(prepared)
    if requests:
        read.update(get_gateway().fetch_wallets(requests))
    return [
        _observed(account, pool, read[account.pk, pool], clock)
        for account, pools in wanted
        for pool in pools
    ]


@outside_transaction
def inspect_key(account: Account) -> KeyFacts:
    """What the venue reports about the account and its key. Call it outside a transaction."""
    prepared = balance_request(account, pools_of_account(account))
    if isinstance(prepared, Reason) or not settings.CAPITAL_LIVE_BALANCES:
        return KeyFacts()
    return get_gateway().inspect_keys([prepared])[account.pk]


def _observed(
    account: Account, pool: Pool, answer: Contents | Reason, clock: Clock
) -> ObservedBalance:
    if isinstance(answer, Reason):
        return ObservedBalance(account, pool, answer)
    others = {name: amount for name, amount in answer.items() if name != account.currency}
    own: Observation | Reason = Reason(
        Code.EXCHANGE_CURRENCY_MISSING, {"venue": account.venue, "currency": account.currency}
    )
    if account.currency in answer:
        own = Observation(answer[account.currency], clock())
    return ObservedBalance(account, pool, own, others)


def balance_request(account: Account, pools: Sequence[Pool]) -> BalanceRequest | Reason:
    """How the exchange of an account is asked for its pools, or why it cannot be."""
    if problem := wallet_mode_problem(account):
        return problem
    try:
        venue = get_venue(account.venue)
        credentials = Credentials(account.api_key, account.api_secret, account.api_passphrase)
    except (UnknownVenue, CredentialsUnreadable) as error:
        return error.reason
    return BalanceRequest(
        account_id=account.pk,
        venue=venue,
        currency=account.currency,
        pools=pools,
        credentials=credentials,
        is_sandbox=account.is_sandbox,
        balance_basis=BalanceBasis(account.balance_basis),
        owners=known_owners(account),
        with_coins=account.counts_spot_holdings,
    )
