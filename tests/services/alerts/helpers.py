"""Targets, and a channel that remembers what it was given."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from capital.channels.contract import Address, Message, NotDelivered
from capital.models import AlertTarget
from capital.services.alerts import outbox
from tests.factories import make_user

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that tests set."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Channel:
    """What was sent where, in order; the next ``failures`` are raised instead."""

    sent: list[tuple[str, Message]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def send(self, address: Address, message: Message) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((address.text, message))

    @property
    def told(self) -> list[tuple[str, str]]:
        """To whom, with the title of each."""
        return [(to, message.title) for to, message in self.sent]


def use(monkeypatch: pytest.MonkeyPatch) -> Channel:
    channel = Channel()
    monkeypatch.setattr(outbox, "send", channel.send)
    return channel


def make_target(user: User | None = None, **fields: Any) -> AlertTarget:
    user = user or make_user()
    defaults = {
        "user": user,
        "name": f"mail of {user.username}",
        "channel": "mail",
        "address": f"{user.username}@example.com",
        "hint": ".com",
        "language": "en",
    }
    target = AlertTarget(**{**defaults, **fields})
    target.save()
    return target


__all__ = ["NOON", "Channel", "Clock", "NotDelivered", "make_target", "use"]
