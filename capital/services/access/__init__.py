"""Who may see and do what: visibility, permissions, API tokens and idempotency keys."""

from capital.services.access.idempotency import Answer, claim_request, keep_answer, release_claim
from capital.services.access.permissions import (
    ACCEPT_PERMISSION,
    ALLOCATE_PERMISSION,
    FORCE_PERMISSION,
    REVERT_PERMISSION,
)
from capital.services.access.preferences import change_colours_of, store_change_colours
from capital.services.access.rotation import Rotation, rotate_keys
from capital.services.access.tokens import (
    LONGEST_DAYS,
    USUAL_DAYS,
    create_token,
    find_token,
    list_tokens,
    revoke_token,
)
from capital.services.access.visibility import (
    OWNER_PATHS,
    VIEW_ALL_PERMISSION,
    find_visible_link,
    sees_everything,
    visible_to,
    within_account,
)

__all__ = [
    "ACCEPT_PERMISSION",
    "ALLOCATE_PERMISSION",
    "FORCE_PERMISSION",
    "LONGEST_DAYS",
    "OWNER_PATHS",
    "REVERT_PERMISSION",
    "USUAL_DAYS",
    "VIEW_ALL_PERMISSION",
    "Answer",
    "Rotation",
    "change_colours_of",
    "claim_request",
    "create_token",
    "find_token",
    "find_visible_link",
    "keep_answer",
    "list_tokens",
    "release_claim",
    "revoke_token",
    "rotate_keys",
    "sees_everything",
    "store_change_colours",
    "visible_to",
    "within_account",
]
