"""Accounts and links: found, locked, entered, changed and removed."""

from capital.services.accounts.links import check_market, find_link_ids
from capital.services.accounts.lookup import active_account_ids, find_account_ids
from capital.services.accounts.registry import (
    change_account,
    change_link,
    create_account,
    create_link,
    delete_account,
    delete_link,
    delete_strategy,
)
from capital.services.accounts.venues import is_proven, proven_venues, unproven_notice

__all__ = [
    "active_account_ids",
    "change_account",
    "change_link",
    "check_market",
    "create_account",
    "create_link",
    "delete_account",
    "delete_link",
    "delete_strategy",
    "find_account_ids",
    "find_link_ids",
    "is_proven",
    "proven_venues",
    "unproven_notice",
]
