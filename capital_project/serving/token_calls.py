"""Middlewares for people with a browser. A call of the API with a token passes them by.

Such a call has no session, no cookie and no page: what these do for it is never asked for, and
costs as much as what the call is about. Django's check of a deployment looks for two more by their
names (forms, frames); these cost little.
"""

from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django_otp.middleware import OTPMiddleware

from capital.api.frame.problems import is_api

_BEARER = "bearer "


def is_token_call(request: HttpRequest) -> bool:
    """Whether the API answers this by the token in its header, and by nothing else."""
    return (
        is_api(request)
        and request.META.get("HTTP_AUTHORIZATION", "")[: len(_BEARER)].lower() == _BEARER
    )


class _OfPeople:
    """What a middleware of people has in common."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a token call without this middleware."""
        if is_token_call(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]  # the middleware's


class Sessions(_OfPeople, SessionMiddleware):
    """``request.session``."""


class Language(LocaleMiddleware):
    """In which language is answered. The API's addresses do not say it, so none is looked at."""

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a token call in the language that its headers ask for."""
        if not is_token_call(request):
            return super().__call__(request)
        translation.activate(translation.get_language_from_request(request))
        request.LANGUAGE_CODE = translation.get_language()
        response: Any = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language())
        return response


class ContentPolicy(_OfPeople, CSPMiddleware):
    """From where a page may load what it shows."""


class Users(_OfPeople, AuthenticationMiddleware):
    """``request.user``, by the session."""


class SecondFactor(_OfPeople, OTPMiddleware):  # type: ignore[misc]  # it has no types
    """Whether the user is verified."""


class Messages(_OfPeople, MessageMiddleware):
    """What the next page says at its top."""
