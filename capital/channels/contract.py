"""What services see of a channel: an address, a message, and why it was not taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from capital.domain.reasons import Code, Reason


@dataclass(frozen=True)
class Message:
    """What is told.

    Attributes:
        title: One line.
        text: Plain text, of any length: a channel splits what is too long for it.
        data: The same for programs, as JSON.
    """

    title: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Address:
    """Where to. Its text is shown nowhere.

    Attributes:
        channel: The name of the channel: a key of ``CHANNELS``.
        text: An e-mail address, a URL of apprise's, or the URL of a webhook.
        signing_secret: Of a webhook.
    """

    channel: str
    text: str = field(repr=False)
    signing_secret: str = field(repr=False, default="")


class NotDelivered(Exception):
    """A message was not taken.

    Attributes:
        reason: Why, in our own words: nothing of the address, and nothing of the other side's.
        is_final: Whether trying again is of no use.
    """

    def __init__(self, code: Code, /, *, is_final: bool = False, **figures: str) -> None:
        super().__init__(code.value)
        self.reason = Reason(code, figures)
        self.is_final = is_final

    @classmethod
    def because(cls, reason: Reason) -> "NotDelivered":
        """For this reason; trying again may help."""
        return cls(reason.code, is_final=False, **reason.figures)


# Which module has the channel's ``check`` and ``send``.
_MODULES = {"mail": "mail", "webhook": "webhook"}
CHANNELS = frozenset(
    {
        "mail",
        "telegram",
        "slack",
        "discord",
        "ntfy",
        "teams",
        "pushover",
        "gotify",
        "matrix",
        "webhook",
    }
)


def check(address: Address) -> None:
    """Refuse an address that can be told to be wrong without asking anybody.

    Raises:
        NotDelivered: It is; ``is_final``.
    """
    _module_of(address).check(address)


def send(address: Address, message: Message) -> None:
    """Send a message once; whoever calls tries again.

    Raises:
        NotDelivered: It was not taken, or nobody can tell.
    """
    _module_of(address).check(address)
    _module_of(address).send(address, message)


def _module_of(address: Address) -> Any:
    if address.channel not in CHANNELS:
        raise NotDelivered(Code.CHANNEL_UNKNOWN, is_final=True, channel=address.channel)
    return import_module(f"capital.channels.{_MODULES.get(address.channel, 'push')}")
