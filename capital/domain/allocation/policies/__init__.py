"""Ways to divide a pool among its links: the table of policies, and the way that all of them go.

A policy gives every link a claim (``contract``); ``pipeline`` makes amounts of the claims. A new
policy is a module and a row.
"""

from collections.abc import Mapping

from capital.domain.allocation.policies.contract import Policy
from capital.domain.allocation.policies.inverse_volatility import claim_by_volatility
from capital.domain.allocation.policies.own_profit import claim_own_profit
from capital.domain.allocation.policies.weights import claim_by_weight
from capital.domain.allocation.rules import PolicyName

POLICIES: Mapping[PolicyName, Policy] = {
    PolicyName.WEIGHTS: claim_by_weight,
    PolicyName.OWN_PROFIT: claim_own_profit,
    PolicyName.INVERSE_VOLATILITY: claim_by_volatility,
}
