"""Balances that jumped too far to be believed, and wait for a person."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from capital.domain.balances import Observation
from capital.domain.jumps import jump_percent
from capital.domain.money import ROUNDED, amount_text, parse_amount, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account


@dataclass(frozen=True)
class Suspect:
    """A live balance that jumped too far from the last accepted one to be believed.

    Attributes:
        observation: What waits for a person: the first balance of this suspicion. Later ones
            near it do not take its place, so that what a person has seen is what is accepted.
        accepted: The last accepted balance.
        is_known: It waited already.
        is_recorded: A run tells of it.
    """

    observation: Observation
    accepted: Decimal
    is_known: bool = False
    is_recorded: bool = False

    def reason(self, account: Account, pool: Pool) -> Reason:
        """What to tell a person who is to confirm it."""
        percent = jump_percent(self.accepted, self.observation.amount) or Decimal(0)
        return Reason(
            Code.JUMP_SUSPECTED,
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


def stored_suspects(account: Account) -> dict[Pool, Observation]:
    """The suspect balances that wait on the account for a person."""
    return {
        Pool(pool): Observation(
            parse_amount(stored["amount"]), datetime.fromisoformat(stored["observed_at"])
        )
        for pool, stored in account.suspect_readings.items()
    }
