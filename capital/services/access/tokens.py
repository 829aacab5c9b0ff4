"""API tokens: created and revoked here, shown once, stored as a hash.

A bot sends the same token with each order. What the database said of it is kept in this process for
two seconds, so another process may let in a token for as long as that after it was revoked. In this
one it ends at once: whatever changes tokens, users or their permissions calls ``forget_tokens``.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import QuerySet
from django.utils import timezone
from knox.crypto import hash_token

from capital.domain.clock import Clock
from capital.domain.errors import InvalidToken, TokenRefused, UnknownToken
from capital.models import Account, ApiToken, Scope
from capital.models.queries.prepared import PreparedQuery, Row
from capital.services.access.sight import remember_sees_everything, sees_everything_condition
from capital.services.access.visibility import visible_to
from capital.services.clocks import steady_clock

PREFIX = "cap_"
USUAL_DAYS = 90
LONGEST_DAYS = 3650
_LONGEST_NAME = 100
# As long as a price: what a bot does within it, it would have done before the token ended.
KEPT_FOR = timedelta(seconds=2)
_MOST_KEPT = 1000
# Tokens are much shorter: anything longer is not a token, and need not be hashed.
_LONGEST_TOKEN = 200


_TOKEN_COLUMNS = [field.attname for field in ApiToken._meta.concrete_fields]
_USER_COLUMNS = [field.attname for field in get_user_model()._meta.concrete_fields]


class TokenState(StrEnum):
    """Whether a token opens anything, or since what it does not."""

    VALID = "valid"
    REVOKED = "revoked"
    EXPIRED = "expired"
    USER_OFF = "user_off"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a word, no password
    NOT_STAFF = "not_staff"


def state_of(token: ApiToken, *, now: datetime) -> TokenState:
    """Whether the token opens anything. It ends with its user's password or staff flag, too."""
    if token.revoked_at is not None:
        return TokenState.REVOKED
    if token.expiry is None or token.expiry <= now:
        return TokenState.EXPIRED
    if not token.user.is_active:
        return TokenState.USER_OFF
    if not compare_digest(token.password_mark, _mark_of(token.user.password)):
        return TokenState.PASSWORD_CHANGED
    if token.of_staff and not token.user.is_staff:
        return TokenState.NOT_STAFF
    return TokenState.VALID


def valid_tokens(user: AbstractUser, *, clock: Clock = timezone.now) -> list[ApiToken]:
    """The user's tokens that open something now: those that another password would end."""
    now = clock()
    tokens = ApiToken.objects.filter(user=user).select_related("user", "account")
    return [token for token in tokens if state_of(token, now=now) is TokenState.VALID]


def keep_tokens_of_same_password(user_id: int, *, old: str, new: str) -> None:
    """Take the tokens along where the same password is only hashed again.

    Django does so when somebody logs in after the way of hashing changed. That is no new password.

    Args:
        user_id: Whose.
        old: The hash of before.
        new: The present hash, of the same password.
    """
    tokens = ApiToken.objects.filter(user_id=user_id, password_mark=_mark_of(old))
    tokens.update(password_mark=_mark_of(new))
    forget_tokens()


def _mark_of(password_hash: str) -> str:
    """As ``migrations/0009_access_rights`` makes it."""
    return sha256(f"capital.token:{password_hash}".encode()).hexdigest()


def create_token(
    *,
    user: AbstractUser,
    name: str,
    scope: str,
    days: int = USUAL_DAYS,
    account_id: int | None = None,
) -> tuple[ApiToken, str]:
    """Create a token for ``user``.

    Args:
        user: The user for whom it acts. It has no more rights than the user.
        name: What it is for, so that people recognise it.
        scope: One of ``Scope``; each includes those before it.
        days: Days until it expires, 1 to 3650.
        account_id: The only account that it gives access to; None for all that the user sees.

    Returns:
        The token's row, and the token itself, which is not stored: show it now.

    Raises:
        InvalidToken: A condition above does not hold.
    """
    name = name.strip()
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidToken(problem=f"its name must have 1 to {_LONGEST_NAME} printable characters")
    if scope not in Scope.values:
        raise InvalidToken(problem=f"its scope must be one of {', '.join(Scope.values)}")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidToken(problem=f"it must end after 1 to {LONGEST_DAYS} days")
    if not user.is_active:
        raise InvalidToken(problem="its user is switched off")
    with transaction.atomic():
        if account_id is not None:
            accounts = visible_to(user, Account.objects.filter(pk=account_id))
            if not accounts.exists():
                raise InvalidToken(problem=f"its user has no account {account_id}")
        token, text = ApiToken.objects.create(
            user=user,
            expiry=timedelta(days=days),
            prefix=PREFIX,
            name=name,
            scope=scope,
            account_id=account_id,
            password_mark=_mark_of(user.password),
            of_staff=user.is_staff,
        )
    return token, text


def revoke_token(token_key: str, *, clock: Clock = timezone.now) -> ApiToken:
    """Revoke a token at once. Revoking it again changes nothing.

    Args:
        token_key: The token's prefix, as lists show it, or the whole token.
        clock: Gives the current time.

    Raises:
        UnknownToken: No token has this prefix, or more than one does.
    """
    shown = token_key.strip()[: ApiToken._meta.get_field("token_key").max_length]
    with transaction.atomic():
        found = list(
            ApiToken.objects.select_for_update(of=("self",), no_key=True)
            .filter(token_key=shown[:15])
            .order_by("pk")[:2]
        )
        if len(found) != 1:
            raise UnknownToken(token=repr(token_key[:20]))
        token: ApiToken = found[0]
        if token.revoked_at is None:
            token.revoked_at = clock()
            token.save(update_fields=["revoked_at"])
    return token


def list_tokens(*, user: AbstractUser | None = None) -> Sequence[ApiToken]:
    """Every token, or one user's, newest first."""
    tokens = ApiToken.objects.select_related("user", "account")
    return list(tokens if user is None else tokens.filter(user=user))


def find_token(text: str, *, clock: Clock = timezone.now) -> ApiToken:
    """The row of this token, with its user, in one query; in none where it was kept.

    Raises:
        TokenRefused: It is unknown or no longer valid: see ``TokenState``.
    """
    if len(text) > _LONGEST_TOKEN or not text.isascii():
        raise TokenRefused
    digest = hash_token(text)
    row = _KEPT.find(digest)
    # A new instance for each request, which remembers what its user may do.
    token, sees_everything = (None, False) if row is None else _token_of(row)
    if (
        token is None
        or not compare_digest(token.digest, digest)
        or state_of(token, now=clock()) is not TokenState.VALID
    ):
        raise TokenRefused
    remember_sees_everything(token.user, sees_everything=sees_everything)
    return token


def _by_digest(digests: Sequence[str]) -> QuerySet[Any, Any]:
    """The token, its user, and whether that user sees everything, as one row."""
    user_columns = [f"user__{name}" for name in _USER_COLUMNS]
    rows: QuerySet[Any, Any] = ApiToken.objects.filter(pk__in=digests).order_by()
    rows = rows.annotate(sees_everything=sees_everything_condition("user"))
    return rows.values_list(*_TOKEN_COLUMNS, *user_columns, "sees_everything")


_BY_DIGEST = PreparedQuery(_by_digest)


class _Kept:
    """What the database said of tokens lately, by their digest."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Row, timedelta]] = {}
        self._changes = 0

    def find(self, digest: str) -> Row | None:
        """The row of a token; None where there is none."""
        now = steady_clock()
        row, fresh_until = self._rows.get(digest, (None, now))
        if row is not None and now < fresh_until:
            return row
        changes = self._changes
        rows = _BY_DIGEST.rows([digest])
        if not rows:
            return None
        # What was changed while the database was asked may be older than the change.
        if changes == self._changes:
            if len(self._rows) >= _MOST_KEPT:
                self._rows = {}
            self._rows[digest] = (rows[0], now + KEPT_FOR)
        found: Row = rows[0]
        return found

    def forget(self) -> None:
        self._changes += 1
        self._rows = {}


_KEPT = _Kept()


def forget_tokens() -> None:
    """Ask the database of every token again: something changed that a token stands on.

    Now, and once the change is committed: until then another thread still reads what was before.
    """
    _KEPT.forget()
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(_KEPT.forget)


def _token_of(row: Sequence[Any]) -> tuple[ApiToken, bool]:
    split = len(_TOKEN_COLUMNS)
    token: ApiToken = ApiToken.from_db(DEFAULT_DB_ALIAS, _TOKEN_COLUMNS, row[:split])
    token.user = get_user_model().from_db(DEFAULT_DB_ALIAS, _USER_COLUMNS, row[split:-1])
    return token, bool(row[-1])
