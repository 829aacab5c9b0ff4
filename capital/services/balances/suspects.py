"""Balances that jumped too far, and are on hold until someone accepts them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.balances import Observation
from capital.domain.clock import Clock
from capital.domain.errors import CapitalError, NothingToAccept, OtherSuspect, UnknownAccount
from capital.domain.jumps import jump_percent
from capital.domain.money import ROUNDED, amount_text, parse_amount, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, ChangedRow, ChangeVerb
from capital.services.access.changes import record_change
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts
from capital.services.transactions import outside_transaction

_KEPT_AT = "kept_at"
# What malformed suspect balances may raise.
_UNREADABLE = (AttributeError, CapitalError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Suspect:
    """A live balance that jumped too far from an accepted one.

    Attributes:
        observation: What is on hold: the first balance of this suspicion. Later ones near it do not
            replace it, so that what is accepted is what was seen.
        accepted: The last accepted balance; of a slide, one that was accepted within the hour.
        is_known: Whether it was already stored on the account.
        is_recorded: Whether a run records it.
        is_slide: Whether it was reached in steps, none of which was too far.
        kept: That somebody refused it, and when, as it is stored: see ``keep_balances``.
    """

    observation: Observation
    accepted: Decimal
    is_known: bool = False
    is_recorded: bool = False
    is_slide: bool = False
    kept: Mapping[str, str] = field(default_factory=dict)

    def reason(self, account: Account, pool: Pool) -> Reason:
        """Why it is suspect, for the person who is to accept it."""
        percent = jump_percent(self.accepted, self.observation.amount) or Decimal(0)
        return Reason(
            Code.SLIDE_SUSPECTED if self.is_slide else Code.JUMP_SUSPECTED,
            {
                "account_id": str(account.pk),
                "venue": account.venue,
                "currency": account.currency,
                "pool": pool.value,
                "observed": amount_text(self.observation.amount, account.currency),
                "accepted": amount_text(self.accepted, account.currency),
                "percent": plain(percent.quantize(Decimal("0.1"), ROUND_DOWN, ROUNDED)),
            },
        )


def stored_suspects(waiting: Mapping[str, Any]) -> dict[Pool, Observation]:
    """The suspect balances, from the shape of the account's column."""
    return {
        Pool(pool): Observation(
            parse_amount(stored["amount"]), datetime.fromisoformat(stored["observed_at"])
        )
        for pool, stored in waiting.items()
    }


def suspect_reasons(account: Account) -> tuple[Reason, ...]:
    """Why each suspect balance of the account is on hold."""
    try:
        return waiting_reasons(account, account.suspect_readings)
    except _UNREADABLE:
        return (_malformed(account),)


def waiting_reasons(account: Account, waiting: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Why each balance of ``waiting`` is suspect, in the shape of the account's column."""
    return tuple(
        _as_stored(observation, waiting[pool.value]).reason(account, pool)
        for pool, observation in stored_suspects(waiting).items()
    )


def suspect_marks(account: Account) -> list[str]:
    """One mark for each suspect balance that nobody refused yet: another balance has another one.

    There are none where they are malformed, as ``suspects_problem`` says.
    """
    waiting = account.suspect_readings
    try:
        suspects = stored_suspects(waiting)
        return [
            f"{pool.value} {plain(each.amount)} {each.observed_at.isoformat()}"
            for pool, each in suspects.items()
            if _KEPT_AT not in waiting[pool.value]
        ]
    except _UNREADABLE:
        return []


@outside_transaction
def keep_balances(
    account_id: int,
    *,
    shown: Collection[str] | None = None,
    actor: AbstractUser | None = None,
    origin: str = "",
    clock: Clock = timezone.now,
) -> dict[Pool, Observation]:
    """Refuse the account's suspect balances: what was accepted before goes on to count.

    The account stays on hold, and nobody is asked again, until the exchange tells another balance:
    near the accepted one the hold is over, and far from both it is a new suspicion. Call it outside
    a transaction.

    Args:
        account_id: The account's primary key.
        shown: The ``suspect_marks`` that the actor saw; None where that is not said.
        actor: Who refuses; None is the command line.
        origin: The address from which it was asked, for the record.
        clock: Gives the current time.

    Returns:
        The balances that are refused now, by pool; those that were already are left out.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not accept them either.
        NothingToAccept: No balance of the account is suspect.
        OtherSuspect: One is suspect that the actor did not see. Nothing was refused.
    """
    with transaction.atomic():
        account = lock_accounts([account_id]).get(account_id)
        require(actor, Act.ACCEPT_JUMP, account_ids=[account_id])
        if account is None:
            raise UnknownAccount(account=str(account_id))
        if not account.suspect_readings:
            raise NothingToAccept(account=account.name)
        if shown is not None and not set(suspect_marks(account)) <= set(shown):
            raise OtherSuspect(account=account.name)
        by = {_KEPT_AT: clock().isoformat()}
        waiting = account.suspect_readings
        refused = {pool: each for pool, each in waiting.items() if _KEPT_AT not in each}
        account.suspect_readings = {
            pool: {**each, **by} if pool in refused else each for pool, each in waiting.items()
        }
        Account.objects.filter(pk=account_id).update(suspect_readings=account.suspect_readings)
        record_change(
            ChangedRow.ACCOUNT,
            ChangeVerb.CHANGED,
            _as_change(refused, account.currency),
            name=str(account),
            actor=actor,
            origin=origin,
            account_id=account_id,
        )
    return stored_suspects(refused)


def _as_change(
    refused: Mapping[str, Mapping[str, Any]], currency: str
) -> dict[str, dict[str, str]]:
    """For the record: the suspect balances, and those that go on to count instead."""
    if not refused:
        return {}

    def told(name: str) -> str:
        amounts = {pool: parse_amount(each[name]) for pool, each in refused.items()}
        return ", ".join(f"{pool} {amount_text(each, currency)}" for pool, each in amounts.items())

    return {"suspect_readings": {"old": told("amount"), "new": told("accepted")}}


def kept_mark(stored: Mapping[str, Any]) -> dict[str, str]:
    """That a stored suspect balance was refused; empty where it was not."""
    return {_KEPT_AT: stored[_KEPT_AT]} if _KEPT_AT in stored else {}


def is_kept(account: Account, pool: str) -> bool:
    """Whether the suspect balance of the pool was refused: nobody is asked of it again."""
    return bool(kept_mark(account.suspect_readings.get(pool, {})))


def suspects_problem(account: Account) -> Reason | None:
    """The problem if the account's suspect balances are malformed; None if they are not."""
    try:
        stored_suspects(account.suspect_readings)
    except _UNREADABLE:
        return _malformed(account)
    return None


def _as_stored(observation: Observation, stored: Mapping[str, Any]) -> Suspect:
    is_slide = stored.get("is_slide", False)
    return Suspect(observation, parse_amount(stored["accepted"]), is_slide=is_slide)


def _malformed(account: Account) -> Reason:
    return Reason(Code.SUSPECT_MALFORMED, {"pool": ", ".join(map(str, account.suspect_readings))})
