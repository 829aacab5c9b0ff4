"""What an account's venue decides or refuses: each check raises what a form can show."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, Protocol

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from capital.domain.allocation.rules import PolicyName, WithOpenPositions
from capital.domain.balances import BalanceBasis
from capital.domain.errors import UnknownVenue
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code
from capital.exchange.venues import VENUES, Venue, get_venue, is_known
from strategies.markets import MarketType

# What sentences call a wallet mode and a balance type.
MODE_NAMES: Mapping[str, Any] = {
    WalletMode.SEPARATE: _("separate wallets"),
    WalletMode.UNIFIED: _("unified wallet"),
}
BASIS_NAMES: Mapping[str, Any] = {
    BalanceBasis.WALLET: _("wallet balance"),
    BalanceBasis.EQUITY: _("equity"),
    BalanceBasis.FREE: _("free balance"),
}


def known_venue(venue_id: str) -> Venue:
    """The venue's row. Raises ``ValidationError`` where there is none."""
    try:
        return get_venue(venue_id)
    except UnknownVenue as error:
        raise ValidationError(
            {
                "venue": _(
                    "Unknown exchange: %(venue)s. Tested ones: %(known)s. Name any other by its "
                    "ccxt id."
                )
                % {"venue": error.reason.figures["venue"], "known": ", ".join(sorted(VENUES))}
            }
        ) from None


def check_wallet_mode(venue: Venue, wallet_mode: str) -> None:
    """Refuse a wallet mode that the venue does not have."""
    if wallet_mode in venue.wallet_modes:
        return
    raise ValidationError(
        {
            "wallet_mode": _(
                "%(venue)s does not support the wallet mode “%(mode)s”. Supported: %(modes)s."
            )
            % {
                "venue": venue.id,
                "mode": MODE_NAMES.get(wallet_mode, wallet_mode),
                "modes": ", ".join(str(MODE_NAMES[mode]) for mode in venue.wallet_modes),
            }
        }
    )


def check_basis(
    venue: Venue,
    basis: str,
    mode: WalletMode,
    currency: str,
    pools_in_use: Callable[[], Collection[Pool]],
) -> None:
    """Refuse a basis that the venue cannot give for a pool in use, or for none at all.

    ``pools_in_use`` is called only if it matters.
    """
    if basis not in list(BalanceBasis):
        return  # the field says so itself
    chosen = BalanceBasis(basis)
    if venue.refusal(chosen, mode, currency) is None:
        return
    used = pools_in_use()
    refused = venue.refusal(chosen, mode, currency, used=used)
    if refused is None:
        return
    bases = venue.bases(mode, currency, used=used)
    choice = _("Supported balance types: %(bases)s.") % {
        "bases": ", ".join(str(BASIS_NAMES[each]) for each in bases)
    }
    raise ValidationError(
        {"balance_basis": f"{_basis_refusal(venue, chosen, refused[1])} {choice}"}
    )


def _basis_refusal(venue: Venue, basis: BalanceBasis, code: Code) -> str:
    return _(code.english).format(venue=venue.id, basis=BASIS_NAMES[basis])


def basis_problem(
    venue_id: str, basis: str, wallet_mode: str, currency: str, market: str
) -> str | None:
    """Why no strategy of ``market`` can use an account with this balance type; None if one can."""
    if not is_known(venue_id) or basis not in list(BalanceBasis):
        return None
    venue, mode = get_venue(venue_id), WalletMode(wallet_mode)
    if mode not in venue.wallet_modes or market not in venue.markets:
        return None  # said elsewhere
    chosen = BalanceBasis(basis)
    refused = venue.refusal(chosen, mode, currency, used=[pool_of(MarketType(market), mode)])
    return None if refused is None else _basis_refusal(venue, chosen, refused[1])


class Divided(Protocol):
    """How an account's pools are divided, as far as spot strategies are concerned."""

    policy: str
    with_open_positions: str
    counts_spot_holdings: bool


class SpotProblem(NamedTuple):
    """The setting of an account that spot strategies cannot live with, and why."""

    field: str
    message: str


def spot_problem(account: Divided, market: str) -> SpotProblem | None:
    """Why no strategy of ``market`` can use an account with these settings; None if one can.

    What a spot strategy buys leaves the balance: unless it counts, it looks like a loss.
    """
    if market != MarketType.SPOT or account.counts_spot_holdings:
        return None
    if account.policy == PolicyName.OWN_PROFIT:
        message = _(
            "With the allocation policy “own profit”, an account can have spot strategies only if "
            "their holdings count: what they buy would look like a loss. Switch on “count spot "
            "holdings”, or choose another policy."
        )
        return SpotProblem("policy", str(message))
    if account.with_open_positions == WithOpenPositions.KEEP_IN_USE:
        message = _(
            "“Keep in use” needs “count spot holdings” on an account with spot strategies: "
            "otherwise the coins that they hold are no part of the balance that is divided."
        )
        return SpotProblem("with_open_positions", str(message))
    return None


def check_sandbox(venue: Venue, mode: WalletMode) -> None:
    """Refuse the sandbox where the venue has none for this wallet mode."""
    if not venue.has_sandbox(mode):
        raise ValidationError({"is_sandbox": _("%(venue)s has no sandbox.") % {"venue": venue.id}})


def market_problem(venue_id: str, market: str) -> str | None:
    """Why a strategy of ``market`` cannot trade there; an unknown venue is not judged."""
    if not is_known(venue_id) or market in get_venue(venue_id).markets:
        return None
    return no_market(venue_id, market)


def no_market(venue: str, market: str) -> str:
    """What to say where a strategy's market does not exist on a venue."""
    return _("%(venue)s does not offer %(market)s trading.") % {"venue": venue, "market": market}
