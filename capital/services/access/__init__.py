"""Who may see and do what: roles, visibility, sessions, API tokens and idempotency keys.

``roles`` is the one place that knows what a user may do with an account; ``visibility`` which rows
are seen. Whatever is built asks these two.
"""

from capital.services.access.changes import CHANGED, NOT_SET, SET
from capital.services.access.idempotency import (
    Answer,
    claim_request,
    keep_answer,
    release_claim,
)
from capital.services.access.permissions import (
    ACCEPT_PERMISSION,
    ALLOCATE_PERMISSION,
    FORCE_PERMISSION,
    REVERT_PERMISSION,
)
from capital.services.access.preferences import change_colours_of, store_change_colours
from capital.services.access.roles import Act, allowed_to, may, may_change
from capital.services.access.rotation import (
    KeyUse,
    Rotation,
    count_keys,
    rotate_keys,
    warn_of_unreadable,
)
from capital.services.access.second_factor import (
    add_backup_code,
    enrol,
    enrolment_url,
    has_backup_codes,
    is_enrolled,
    new_seed,
    seal_waiting,
    typed_code,
    unseal_waiting,
    verify_code,
)
from capital.services.access.sessions import SessionState, require_good_session, session_state
from capital.services.access.sharing import (
    change_access,
    give_access,
    missing_permission,
    remove_access,
)
from capital.services.access.sight import VIEW_ALL_PERMISSION, sees_everything
from capital.services.access.tokens import (
    LONGEST_DAYS,
    USUAL_DAYS,
    TokenState,
    create_token,
    find_token,
    forget_tokens,
    keep_tokens_of_same_password,
    list_tokens,
    revoke_token,
    state_of,
    valid_tokens,
)
from capital.services.access.visibility import (
    ACCOUNT_PATHS,
    Viewer,
    find_visible_link,
    visible_to,
    within_account,
)

__all__ = [
    "ACCEPT_PERMISSION",
    "ACCOUNT_PATHS",
    "ALLOCATE_PERMISSION",
    "CHANGED",
    "FORCE_PERMISSION",
    "LONGEST_DAYS",
    "NOT_SET",
    "REVERT_PERMISSION",
    "SET",
    "USUAL_DAYS",
    "VIEW_ALL_PERMISSION",
    "Act",
    "Answer",
    "KeyUse",
    "Rotation",
    "SessionState",
    "TokenState",
    "Viewer",
    "add_backup_code",
    "allowed_to",
    "change_access",
    "change_colours_of",
    "claim_request",
    "count_keys",
    "create_token",
    "enrol",
    "enrolment_url",
    "find_token",
    "find_visible_link",
    "forget_tokens",
    "give_access",
    "has_backup_codes",
    "is_enrolled",
    "keep_answer",
    "keep_tokens_of_same_password",
    "list_tokens",
    "may",
    "may_change",
    "missing_permission",
    "new_seed",
    "release_claim",
    "remove_access",
    "require_good_session",
    "revoke_token",
    "rotate_keys",
    "seal_waiting",
    "sees_everything",
    "session_state",
    "state_of",
    "store_change_colours",
    "typed_code",
    "unseal_waiting",
    "valid_tokens",
    "verify_code",
    "visible_to",
    "warn_of_unreadable",
    "within_account",
]
