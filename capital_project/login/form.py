"""The login form."""

from typing import Any

from django.contrib.auth import get_user_model
from unfold.forms import AuthenticationForm


class LoginForm(AuthenticationForm):  # type: ignore[misc]  # unfold has no types
    """Refuses a username that nobody can have like any other wrong one.

    Attempts are recorded by username, and the record has room for a real one only.
    """

    def clean_username(self) -> Any:
        """No longer than usernames are, however its letters were written."""
        username = self.cleaned_data["username"]
        model: Any = get_user_model()
        if len(username) > model._meta.get_field(model.USERNAME_FIELD).max_length:
            raise self.get_invalid_login_error()
        return username
