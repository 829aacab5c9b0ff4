"""Warnings about an account's key and wallet mode, for a check of its connection."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import UnknownVenue
from capital.domain.reasons import Code, Reason
from capital.exchange.contract import KeyFacts
from capital.exchange.venues import get_venue
from capital.models import Account
from capital.services.accounts.venues import unproven_notice
from capital.services.balances.live import ObservedBalance, inspect_key
from capital.services.happened import KeyInspected, say
from capital.services.transactions import outside_transaction
from capital.traces import note_trouble, told

logger = logging.getLogger(__name__)


@outside_transaction
def key_notices(
    account: Account, _balances: Sequence[ObservedBalance], now: datetime
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
        note_key(account, facts, now=now)
        yield Reason(Code.KEY_CAN_WITHDRAW, {"venue": venue.id})


def note_key(account: Account, facts: KeyFacts, *, now: datetime) -> None:
    """Say what the key may do, where the venue told it."""
    if facts.can_withdraw is not None:
        with transaction.atomic():
            say(KeyInspected(account, facts.can_withdraw), now=now)


@outside_transaction
def inspect_keys(account_ids: Sequence[int], *, clock: Clock = timezone.now) -> Counter[str]:
    """Ask the venues of these accounts what their keys may do. It changes nothing of them.

    Call it outside a transaction: it waits for the venues.

    Returns:
        How many ``can_withdraw``, cannot (``sound``), and of how many the venue does not tell
        (``not_told``) or did not answer (``failed``).
    """
    counts: Counter[str] = Counter()
    for account in Account.objects.filter(pk__in=account_ids, is_active=True).order_by("pk"):
        try:
            facts = inspect_key(account)
        except Exception as error:  # noqa: BLE001  # never its text: it may hold what was signed
            name = told(account.pk, account.name)
            logger.warning("Key of account %s: %s", name, type(error).__name__)
            counts["failed"] += 1
            note_trouble(account.pk, account.name, type(error).__name__)
            continue
        note_key(account, facts, now=clock())
        words = {True: "can_withdraw", False: "sound", None: "not_told"}
        counts[words[facts.can_withdraw]] += 1
    return counts
