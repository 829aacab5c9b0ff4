"""How an account's pools are divided beside its reserve: by which policy, with what parameters."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

USUAL_LOOKBACK_DAYS = 60


class PolicyName(StrEnum):
    """The policies by the names that are stored and sent."""

    WEIGHTS = "weights"
    OWN_PROFIT = "own_profit"
    INVERSE_VOLATILITY = "inverse_volatility"


class WithOpenPositions(StrEnum):
    """What open positions do to the capital of their pool. ``value`` is stored and sent."""

    HOLD = "hold"
    KEEP_IN_USE = "keep_in_use"


@dataclass(frozen=True)
class Rules:
    """What a person sets on an account, and what one run asks for beside it.

    Attributes:
        policy: By what the pools are divided.
        lookback_days: Over how many days volatility is measured.
        max_unexplained_percent: How much of a pool's base the books may fail to explain.
        drift_band_percent: How far capital may be from its target before it moves; 0: not at all.
        with_open_positions: What open positions do to the capital of their pool.
        counts_spot_holdings: Whether what spot strategies bought counts as balance.
        splits_again: Whether this run divides by weight once, whatever the policy.
    """

    policy: PolicyName = PolicyName.WEIGHTS
    lookback_days: int = USUAL_LOOKBACK_DAYS
    max_unexplained_percent: Decimal = Decimal(1)
    drift_band_percent: Decimal = Decimal(0)
    with_open_positions: WithOpenPositions = WithOpenPositions.HOLD
    counts_spot_holdings: bool = False
    splits_again: bool = False

    @property
    def divides_by(self) -> PolicyName:
        """The policy that divides: the account's, or weights where the pools are split again."""
        return PolicyName.WEIGHTS if self.splits_again else self.policy

    @property
    def that_apply(self) -> tuple[object, ...]:
        """Those that can change a decision: a change of another one is no reason to decide.

        A split again is of one run, and no reason for another one.
        """
        return (
            self.policy,
            self.lookback_days if self.policy is PolicyName.INVERSE_VOLATILITY else None,
            self.max_unexplained_percent if self.policy is PolicyName.OWN_PROFIT else None,
            self.drift_band_percent,
            self.with_open_positions,
            self.counts_spot_holdings,
        )
