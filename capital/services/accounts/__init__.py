"""Accounts, links and strategies: found, locked, entered, changed and removed."""

from capital.services.accounts.links import check_market, check_tag, find_link_ids, find_named_link
from capital.services.accounts.lookup import active_account_ids, find_account_ids
from capital.services.accounts.registry import (
    change_account,
    change_link,
    create_account,
    create_link,
    delete_account,
    delete_link,
    link_notice,
)
from capital.services.accounts.strategies import (
    change_strategy,
    create_strategy,
    delete_strategy,
    set_status,
)
from capital.services.accounts.venues import (
    asked_credentials,
    is_proven,
    markets_of,
    proven_venues,
    unproven_notice,
    venue_called,
    venue_names,
)

__all__ = [
    "active_account_ids",
    "asked_credentials",
    "change_account",
    "change_link",
    "change_strategy",
    "check_market",
    "check_tag",
    "create_account",
    "create_link",
    "create_strategy",
    "delete_account",
    "delete_link",
    "delete_strategy",
    "find_account_ids",
    "find_link_ids",
    "find_named_link",
    "is_proven",
    "link_notice",
    "markets_of",
    "proven_venues",
    "set_status",
    "unproven_notice",
    "venue_called",
    "venue_names",
]
