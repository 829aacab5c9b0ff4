"""Balances that jumped too far, and are on hold until someone accepts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from capital.domain.balances import Observation
from capital.domain.errors import CapitalError
from capital.domain.jumps import jump_percent
from capital.domain.money import ROUNDED, amount_text, parse_amount, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account

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
    """

    observation: Observation
    accepted: Decimal
    is_known: bool = False
    is_recorded: bool = False
    is_slide: bool = False

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
        return tuple(
            _as_stored(observation, account.suspect_readings[pool.value]).reason(account, pool)
            for pool, observation in stored_suspects(account.suspect_readings).items()
        )
    except _UNREADABLE:
        return (_malformed(account),)


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
