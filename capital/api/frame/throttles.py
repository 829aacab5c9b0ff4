"""How often one token and one address may ask."""

import time
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from capital.addresses import client_address
from capital.api.frame.authentication import caller_of

CACHE = "throttles"


class RateThrottle(BaseThrottle):
    """So many requests in a period, at once or spread, by the time when the next one is due.

    One number a caller is kept (GCRA), and a refusal knows exactly how long to wait.
    """

    name = ""
    wait_seconds: float | None = None

    def rate(self) -> tuple[int, int]:
        """Requests and seconds; zero requests: no limit."""
        raise NotImplementedError

    def ident(self, request: Any) -> str | None:
        """Who is counted; None: nobody."""
        raise NotImplementedError

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count this request, unless it is one too many."""
        number, period = self.rate()
        who = self.ident(request)
        if not number or who is None:
            return True
        key = f"{self.name}:{who}"
        now = time.time()
        step = period / number
        due = max(caches[CACHE].get(key, now), now)
        if due > now + period + step:
            # The clock was set back: that must not lock anyone out.
            due = now
        early = due - now - (period - step)
        if early > 0:
            self.wait_seconds = early
            return False
        caches[CACHE].set(key, due + step, period * 2)
        return True

    def wait(self) -> float | None:
        """Seconds until it is worth trying again."""
        return self.wait_seconds


class TokenThrottle(RateThrottle):
    """Each token, and each person with a session."""

    name = "token"

    def rate(self) -> tuple[int, int]:
        """``CAPITAL_API_TOKEN_RATE``."""
        rate: tuple[int, int] = settings.CAPITAL_API_TOKEN_RATE
        return rate

    def ident(self, request: Request) -> str | None:
        """The caller, once they are known."""
        return caller_of(request) if request.user.is_authenticated else None


class AddressThrottle(RateThrottle):
    """Each address, also of those who show no token or a wrong one."""

    name = "address"

    def rate(self) -> tuple[int, int]:
        """``CAPITAL_API_ADDRESS_RATE``."""
        rate: tuple[int, int] = settings.CAPITAL_API_ADDRESS_RATE
        return rate

    def ident(self, request: Request | HttpRequest) -> str | None:
        """The client's address."""
        return client_address(request)


class StrategyThrottle(RateThrottle):
    """Each strategy's webhook, counting only calls that showed its secret."""

    name = "strategy"

    def __init__(self, key: str) -> None:
        self.key = key

    def rate(self) -> tuple[int, int]:
        """``CAPITAL_WEBHOOK_RATE``."""
        rate: tuple[int, int] = settings.CAPITAL_WEBHOOK_RATE
        return rate

    def ident(self, request: Any) -> str | None:
        """The strategy."""
        return self.key
