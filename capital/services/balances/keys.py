"""Warnings about an account's key and wallet mode, for a check of its connection."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from capital.domain.errors import UnknownVenue
from capital.domain.reasons import Code, Reason
from capital.exchange.venues import get_venue
from capital.models import Account
from capital.services.accounts.venues import unproven_notice
from capital.services.balances.live import ObservedBalance, inspect_key
from capital.services.transactions import outside_transaction


@outside_transaction
def key_notices(
    account: Account, _balances: Sequence[ObservedBalance], _now: datetime
) -> Iterator[Reason]:
    """Compare the account's mode with the venue's, and warn of a key that can withdraw.

    Call it outside a transaction: it calls the venue, if the venue has an endpoint for that.
    """
    try:
        venue = get_venue(account.venue)
    except UnknownVenue:
        return
    if unproven := unproven_notice(venue.id):
        yield unproven
    facts = inspect_key(account)
    if facts.wallet_mode is not None and facts.wallet_mode != account.wallet_mode:
        figures = {
            "venue": venue.id,
            "said": facts.wallet_mode.value,
            "mode": account.wallet_mode,
        }
        if facts.wallet_mode in venue.wallet_modes:
            yield Reason(Code.WALLET_MODE_DIFFERS, figures)
        else:
            modes = ", ".join(venue.wallet_modes)
            yield Reason(Code.WALLET_MODE_UNREADABLE, {**figures, "modes": modes})
    if facts.can_withdraw:
        yield Reason(Code.KEY_CAN_WITHDRAW, {"venue": venue.id})
