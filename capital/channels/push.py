"""Telegram, Slack, Discord, ntfy, Microsoft Teams, Pushover, Gotify and Matrix, by apprise.

An address is a URL of apprise's, as its documentation shows them. It is a secret as a whole. Only
what is listed here is taken: no other service, and no option by which apprise would read a file,
follow a redirect, leave out the check of a certificate, or try again by itself.

apprise costs 44 MB and a third of a second: it is imported when the first message is sent.
"""

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings

from capital.channels.contract import Address, Message, NotDelivered
from capital.channels.quiet import silence
from capital.domain.reasons import Code

# By channel, the schemas of its addresses; those that are not encrypted need a setting.
SCHEMAS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "telegram": frozenset({"tgram"}),
        "slack": frozenset({"slack"}),
        "discord": frozenset({"discord"}),
        "ntfy": frozenset({"ntfy", "ntfys"}),
        "teams": frozenset({"workflow", "workflows"}),
        "pushover": frozenset({"pover"}),
        "gotify": frozenset({"gotify", "gotifys"}),
        "matrix": frozenset({"matrix", "matrixs"}),
    }
)
_PLAIN = frozenset({"ntfy", "gotify", "matrix"})
# What an address may say behind its question mark: whom to tell, with which key, how loudly.
_OPTIONS = frozenset(
    {
        *("to", "token", "key", "auth", "mode", "version", "ver", "id", "sig", "pa"),
        *("powerautomate", "route", "routeid", "thread", "topic", "priority", "sound"),
        *("silent", "interval", "expire", "msgtype"),
    }
)
_OURS = {"overflow": "split", "format": "text", "image": "no", "retry": "0"}


def check(address: Address) -> None:
    """Refuse what is no address of its channel. It asks nobody, and does not load apprise."""
    try:
        parts = urlsplit(address.text)
        options = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        raise NotDelivered(Code.ADDRESS_INVALID, is_final=True) from None
    if parts.scheme not in SCHEMAS[address.channel] or not parts.netloc:
        raise NotDelivered(Code.ADDRESS_INVALID, is_final=True)
    if parts.scheme in _PLAIN and not settings.CAPITAL_ALERT_PRIVATE_ADDRESSES:
        raise NotDelivered(Code.ADDRESS_PLAIN, is_final=True)
    if not _OPTIONS.issuperset(options):
        # Not the option: an address that is misread may have its secret there.
        raise NotDelivered(Code.ADDRESS_OPTIONS, is_final=True)


def send(address: Address, message: Message) -> None:
    """Send a message, in parts where the service takes no long ones.

    Raises:
        NotDelivered: It was not taken.
    """
    silence()
    from capital.channels.guarded import guarded

    # Some warnings show what they warn of.
    with guarded() as guard, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        service = _service_of(address)
        # What it answers is an object that is never False itself.
        is_taken = bool(service.notify(body=message.text, title=message.title, body_format="text"))
        if is_taken:
            return
        reason = guard.why()
    if reason is None:
        raise NotDelivered(Code.MESSAGE_REFUSED)
    raise NotDelivered.because(reason)


def _service_of(address: Address) -> Any:
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    asset = AppriseAsset(
        app_id="Capital",
        app_desc="Capital",
        app_url=settings.CAPITAL_SITE_URL,
        async_mode=False,
        secure_logging=True,
        storage_mode=PersistentStoreMode.MEMORY,
        allow_templates=False,
        http_redirects=settings.CAPITAL_ALERT_REDIRECTS,
    )
    ours = "&".join(f"{name}={value}" for name, value in _OURS.items())
    text = f"{address.text}{'&' if '?' in address.text else '?'}{ours}"
    service = Apprise.instantiate(text, asset=asset, suppress_exceptions=True)
    if service is None:
        raise NotDelivered(Code.ADDRESS_INVALID, is_final=True)
    return service
