"""Logging in with a password, which may be hashed again; API tokens go on then."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from capital.services.access import keep_tokens_of_same_password


class PasswordBackend(ModelBackend):
    """Django's own. Tokens end with a password; one that is only hashed again is the same."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user of this name and password."""
        users = User.objects.filter(username=username)
        before = users.values_list("pk", "password").first()
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None and before is not None and before[1] != user.password:
            keep_tokens_of_same_password(before[0], old=before[1], new=user.password)
        return user
