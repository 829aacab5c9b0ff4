"""Rate limits: by token, by address, and by strategy for webhooks."""

import time
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from capital.addresses import counted_address
from capital.api.frame.authentication import caller_of

CACHE = "throttles"


def elapsed_seconds() -> float:
    """By the clock that nobody sets. Its figures mean something in this process only."""
    return time.monotonic()


class RateThrottle(BaseThrottle):
    """A number of requests per period, at once or spread over it (the GCRA algorithm).

    It stores one number per caller: when the next request would be due if requests were spread
    evenly. So a refusal can say exactly how long to wait.
    """

    name = ""
    wait_seconds: float | None = None

    def rate(self) -> tuple[int, int]:
        """The number of requests and the period in seconds. Zero requests means no limit."""
        raise NotImplementedError

    def ident(self, request: Any) -> str | None:
        """The caller whose requests are counted together; None: not counted."""
        raise NotImplementedError

    def allow_request(self, request: Any, view: Any) -> bool:
        number, period = self.rate()
        who = self.ident(request)
        if not number or who is None:
            return True
        key = f"{self.name}:{who}"
        now = elapsed_seconds()
        step = period / number
        cache = caches[CACHE]
        due = max(cache.get(key, now), now)
        early = due - now - (period - step)
        if early > 0:
            self.wait_seconds = early
            return False
        cache.set(key, due + step, period * 2)
        return True

    def wait(self) -> float | None:
        return self.wait_seconds


class TokenThrottle(RateThrottle):
    """By token, or by user for sessions: ``CAPITAL_API_TOKEN_RATE``."""

    name = "token"

    def rate(self) -> tuple[int, int]:
        rate: tuple[int, int] = settings.CAPITAL_API_TOKEN_RATE
        return rate

    def ident(self, request: Request) -> str | None:
        return caller_of(request) if request.user.is_authenticated else None


class AddressThrottle(RateThrottle):
    """By address, with or without a valid token: ``CAPITAL_API_ADDRESS_RATE``."""

    name = "address"

    def rate(self) -> tuple[int, int]:
        rate: tuple[int, int] = settings.CAPITAL_API_ADDRESS_RATE
        return rate

    def ident(self, request: Request | HttpRequest) -> str | None:
        return counted_address(request)


class StrategyThrottle(RateThrottle):
    """By strategy, for webhook calls with the right secret: ``CAPITAL_WEBHOOK_RATE``."""

    name = "strategy"

    def __init__(self, key: str) -> None:
        self.key = key

    def rate(self) -> tuple[int, int]:
        rate: tuple[int, int] = settings.CAPITAL_WEBHOOK_RATE
        return rate

    def ident(self, request: Any) -> str | None:
        return self.key
