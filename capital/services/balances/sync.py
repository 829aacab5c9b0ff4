"""Read live balances into today's summaries, without allocating anything."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from capital.domain.balances import Observation
from capital.domain.clock import Clock
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Reason
from capital.models import Account, StrategyAccount
from capital.services.accounts.lookup import pools_of_account
from capital.services.balances.events import balances_synced
from capital.services.balances.live import LiveAnswers, observe_pools
from capital.services.balances.locked import batch_then_each, learn, lock_observed
from capital.services.balances.log_lines import log_suspects
from capital.services.balances.readings import JudgedReadings, judge_all, judge_readings
from capital.services.balances.summaries import load_summaries
from capital.services.balances.trails import Moves
from capital.services.happened import ConnectionsChanged, say
from capital.services.transactions import outside_transaction
from capital.traces import note_trouble, told
from strategies.markets import MarketType

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
LIVE = "live"
SUSPECT = "suspect"
FAILED = "failed"


@outside_transaction
def sync_balances(account_ids: Iterable[int], *, clock: Clock = timezone.now) -> Counter[str]:
    """Read every pool of each active account, and store the balances in today's summary.

    Call it outside a transaction: it waits for exchanges. A balance that jumped too far is stored
    on its account as suspect, not in the summary. If the database refuses one account, the others
    are still written.

    Args:
        account_ids: Primary keys; inactive and unknown accounts are skipped.
        clock: Gives the current time.

    Returns:
        How many pools were read (``live``), are ``suspect``, or could not be read, by the code of
        the reason; and how many accounts could not be written (``failed``).
    """
    ids = list(dict.fromkeys(account_ids))
    counts: Counter[str] = Counter()
    for start in range(0, len(ids), BATCH_SIZE):
        accounts = _active_accounts(ids[start : start + BATCH_SIZE])
        answers = observe_pools(
            [(account, pools_of_account(account)) for account in accounts.values()], clock=clock
        )
        written = batch_then_each(
            accounts,
            partial(_record, answers=answers, clock=clock),
            partial(_log_failure, accounts),
            message="A batch of balances failed (%(kind)s); each is tried.",
        )
        for counted in written.values():
            counts += counted
    return counts


def _log_failure(accounts: Mapping[int, Account], key: int, error: Exception) -> Counter[str]:
    name = told(key, accounts[key].name)
    logger.error("The balances of account %s could not be recorded.", name, exc_info=error)
    note_trouble(key, accounts[key].name, FAILED)
    return Counter({FAILED: 1})


def _record(
    observed: Mapping[int, Account], *, answers: LiveAnswers, clock: Clock
) -> dict[int, Counter[str]]:
    """Judge and write a batch in one transaction. Accounts that changed meanwhile are left out."""
    with transaction.atomic():
        accounts = lock_observed(observed).sound
        now = clock()
        summaries = load_summaries(list(accounts), now=now, lock=True)

        def judge(key: int, moves: Moves) -> JudgedReadings:
            account, latest = accounts[key], summaries[key].latest
            pools = pools_of_account(account)
            return judge_readings(account, pools, answers, latest, now=now, moves=moves)

        judged = judge_all(accounts, judge, now=now)
        learn(judged, accounts, summaries, now=now)
        _keep_connections(accounts, answers, now=now)
        balances_synced.send(Account, account_ids=list(accounts), now=now)
    for key, each in judged.items():
        log_suspects(
            accounts[key],
            {pool: suspect for pool, suspect in each.suspects.items() if not suspect.is_known},
        )
    return {key: _count(accounts[key], each, answers) for key, each in judged.items()}


@outside_transaction
def note_recovery(account: Account, answers: LiveAnswers, *, now: datetime) -> None:
    """Take back that the account cannot be read, now that somebody has read all of it.

    Call it outside a transaction. Nothing is written if its key or wallet changed meanwhile.

    Args:
        account: As it was when it was read.
        answers: Of all its pools: a balance each.
        now: The current time.
    """
    if not account.connection_code:
        return
    with transaction.atomic():
        _keep_connections(lock_observed({account.pk: account}).sound, answers, now=now)


def _keep_connections(
    accounts: Mapping[int, Account], answers: LiveAnswers, *, now: datetime
) -> None:
    """Store on each account why its exchange cannot be read, and which pools, if that changed.

    One statement for each reason, however many accounts have it. That a wallet which nobody uses
    cannot be read in the account's balance type is none.
    """
    changed: dict[tuple[str, str], list[int]] = {}
    told: dict[int, Reason | None] = {}
    failed = {
        key: {
            pool: answer
            for pool in pools_of_account(account)
            if isinstance(answer := answers[key, pool], Reason)
        }
        for key, account in accounts.items()
    }
    used = _pools_in_use(
        [
            accounts[key]
            for key, codes in failed.items()
            if any(reason.code.is_about_basis for reason in codes.values())
        ]
    )
    for key, account in accounts.items():
        counted = {
            pool: found
            for pool, found in failed[key].items()
            if not found.code.is_about_basis or pool in used[key]
        }
        # What is wrong with the key is told before what may pass by itself.
        reason = min(counted.values(), key=lambda each: not each.code.is_about_key, default=None)
        code = "" if reason is None else reason.code.value
        pools = ",".join(pool.value for pool in counted)
        if (code, pools) != (account.connection_code, account.silent_pools):
            changed.setdefault((code, pools), []).append(key)
        if code != account.connection_code:
            told[key] = reason
    for (code, pools), keys in changed.items():
        Account.objects.filter(pk__in=keys).update(connection_code=code, silent_pools=pools)
    if told:
        failing = {key: accounts[key] for key, reason in told.items() if reason is not None}
        say(ConnectionsChanged(told, failing), now=now)


def _pools_in_use(accounts: Sequence[Account]) -> Mapping[int, set[Pool]]:
    """The pools that active links of these accounts trade on, in one query; none for none."""
    used: dict[int, set[Pool]] = {account.pk: set() for account in accounts}
    if accounts:
        modes = {account.pk: WalletMode(account.wallet_mode) for account in accounts}
        links = StrategyAccount.objects.filter(account_id__in=list(used), is_active=True)
        for key, market in links.values_list("account_id", "strategy__market_type"):
            used[key].add(pool_of(MarketType(market), modes[key]))
    return used


def _count(account: Account, judged: JudgedReadings, answers: LiveAnswers) -> Counter[str]:
    counts: Counter[str] = Counter()
    for pool in pools_of_account(account):
        answer = answers[account.pk, pool]
        if pool in judged.suspects:
            counts[SUSPECT] += 1
        elif isinstance(answer, Observation):
            counts[LIVE] += 1
        else:
            counts[answer.code.value] += 1
            note_trouble(account.pk, account.name, answer.code.value)
    return counts


def _active_accounts(ids: Sequence[int]) -> dict[int, Account]:
    found = Account.objects.filter(is_active=True).in_bulk(list(ids))
    return {key: found[key] for key in ids if key in found}
