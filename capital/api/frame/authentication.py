"""Authentication: a bot by its token, a person by a good session of the admin."""

from django.contrib.auth.models import AbstractUser
from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from capital.domain.errors import TokenRefused
from capital.models import ApiToken, Scope
from capital.services.access import find_token, require_good_session

REALM = 'Bearer realm="capital"'


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """``Authorization: Bearer cap_…``, looked up by its hash in one query.

    knox itself reads all tokens of the user and deletes expired ones. Here an expired token stays
    in the list, so that its owner sees why a bot stopped.
    """

    def authenticate(self, request: Request) -> tuple[AbstractUser, ApiToken] | None:
        """As knox does, but refuse a header that is not ASCII like any other wrong token."""
        try:
            found: tuple[AbstractUser, ApiToken] | None = super().authenticate(request)
        except UnicodeEncodeError:
            raise TokenRefused from None
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractUser, ApiToken]:
        """The user and the token; raises ``TokenRefused``."""
        try:
            text = token.decode("ascii")
        except UnicodeDecodeError:
            raise TokenRefused from None
        found = find_token(text)
        return found.user, found


class GoodSession(SessionAuthentication):
    """A session of the admin that the admin itself would let in: of staff, and verified."""

    def authenticate(self, request: Request) -> tuple[AbstractUser, None] | None:
        """The user; None without a session. Raises ``SessionRefused`` for one that is not good."""
        # A call with a token has no session, whatever this view asks for.
        user = getattr(request._request, "user", None)
        if user is None or not require_good_session(user):
            return None
        found: tuple[AbstractUser, None] | None = super().authenticate(request)
        return found


def token_of(request: Request) -> ApiToken | None:
    """The token of the request; None for a person with a session."""
    return request.auth if isinstance(request.auth, ApiToken) else None


def account_of(request: Request) -> int | None:
    """The account to which the token is limited; None if it is not limited."""
    token = token_of(request)
    return None if token is None else token.account_id


def caller_of(request: Request) -> str:
    """The caller (one token or one user) for idempotency keys and rate limits."""
    token = token_of(request)
    return f"user:{request.user.pk}" if token is None else f"token:{token.pk[:64]}"


def scope_of(request: Request) -> Scope:
    """The caller's scope. A session has the widest one: the user's permissions are its limit."""
    token = token_of(request)
    return Scope.MANAGE if token is None else Scope(token.scope)
