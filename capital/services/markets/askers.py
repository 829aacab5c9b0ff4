"""Accounts with whose keys a venue may be asked for brackets that it tells to keys only."""

from collections.abc import Sequence

from capital.domain.errors import CredentialsUnreadable
from capital.exchange.contract import Askers, BalanceRequest, Credentials
from capital.exchange.venues import Venue
from capital.models import Account
from capital.services.accounts.lookup import pools_of_account, wallet_mode_problem

# Several, since a key may not be allowed to ask.
ASKERS = 3


def find_askers(venues: Sequence[Venue]) -> Askers:
    """A few active accounts of each of those ``venues`` that tell brackets to a key only.

    Those whose connection was good at the last sync, the oldest first. The others' keys may be
    refused. None from a sandbox, whose brackets are of play money.
    """
    found = {}
    for venue in venues:
        if venue.rules_call.keyed_brackets:
            accounts = Account.objects.filter(
                venue=venue.id, is_active=True, is_sandbox=False, connection_code=""
            )
            requests = [_request(account, venue) for account in accounts.order_by("pk")[:ASKERS]]
            found[venue.id] = [request for request in requests if request is not None]
    return found


def _request(account: Account, venue: Venue) -> BalanceRequest | None:
    if wallet_mode_problem(account):
        return None
    try:
        credentials = Credentials(account.api_key, account.api_secret, account.api_passphrase)
    except CredentialsUnreadable:
        return None
    if any(not getattr(credentials, name).strip() for name in venue.credentials):
        return None
    return BalanceRequest(
        account_id=account.pk,
        venue=venue,
        currency=account.currency,
        pools=pools_of_account(account),
        credentials=credentials,
    )
