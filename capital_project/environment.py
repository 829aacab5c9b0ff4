"""How settings are read: from the environment, or from a ``.env`` file beside ``manage.py``.

An invalid value stops the start with a message that names the variable and never shows a secret.
"""

import base64
import binascii
import os
import re
import socket
import zoneinfo
from collections.abc import Collection
from datetime import time
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from capital_project import __version__

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(str(BASE_DIR / ".env"))


def switch(name: str, *, default: bool) -> bool:
    """On or off."""
    text = os.environ.get(name, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if not text:
        return default
    raise ImproperlyConfigured(f"{name} must be 1 or 0 (or true, false, yes, no, on, off).")


def one_of(name: str, default: str, known: Collection[str]) -> str:
    """One of the known values, spelled exactly."""
    text = os.environ.get(name, "").strip() or default
    if text not in known:
        shown = ", ".join(sorted(known)) if len(known) < 10 else "a name such as " + default
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be {shown}.")
    return text


def time_zone(name: str, default: str) -> str:
    """A zone that this machine knows. All of them are looked up only for another than the usual."""
    known: Collection[str] = (default,)
    if os.environ.get(name, "").strip() not in ("", default) or not _is_zone(default):
        known = zoneinfo.available_timezones()
    return one_of(name, default, known)


def site_zone() -> str:
    """The zone of the site: of its days, and of the times in its log."""
    return time_zone("TIME_ZONE", "Asia/Seoul")


def log_format() -> str:
    """How a line of the log is written."""
    return one_of("LOG_FORMAT", "text", ("text", "json"))


def log_formatter() -> dict[str, str]:
    """The formatter of every line of the log, as ``logging.config`` takes it."""
    kind = "JsonLine" if log_format() == "json" else "OneLine"
    return {"()": f"capital_project.log_lines.{kind}", "zone": site_zone()}


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except zoneinfo.ZoneInfoNotFoundError:
        return False
    return True


DEBUG = switch("DEBUG", default=False)

# Anyone can read them here, so they are only for trying the product.
DEVELOPMENT_SECRET_KEY = "development-only-secret-key-that-protects-nothing-at-all"
DEVELOPMENT_ENCRYPTION_KEY = base64.urlsafe_b64encode(b"development-only-32-byte-key-001").decode()


# As Django's own check of a deployment has it.
_LEAST_LENGTH, _LEAST_LETTERS, _INSECURE = 50, 5, "django-insecure-"
# 32 bytes at random have 25 different ones or more.
_LEAST_BYTES = 10


def secret(name: str, development_value: str, how_to_make_one: str) -> str:
    """A secret. It has a default only with ``DEBUG``."""
    # Not with django-environ, which takes a value that begins with $ for a variable's name.
    value = os.environ.get(name, "").strip()
    if value.strip(", "):
        if development_value in value and not DEBUG:
            raise ImproperlyConfigured(
                f"{name} holds the published secret of DEBUG, which protects nothing. Make one of "
                f"your own with: {how_to_make_one}"
            )
        return value
    if DEBUG:
        return development_value
    raise ImproperlyConfigured(
        f"{name} is not set. Set it in the environment (make one with: {how_to_make_one}), "
        "or set DEBUG=1 to try the product with throw-away secrets."
    )


def strong(name: str, value: str) -> str:
    """A secret that nobody can guess. ``DEBUG`` takes any."""
    is_weak = len(value) < _LEAST_LENGTH or len(set(value)) < _LEAST_LETTERS
    if (is_weak or value.startswith(_INSECURE)) and not DEBUG:
        raise ImproperlyConfigured(
            f"{name} is too easy to guess: it needs {_LEAST_LENGTH} characters or more, at least "
            f"{_LEAST_LETTERS} of them different."
        )
    return value


def encryption_keys(text: str) -> list[str]:
    """Fernet keys, separated by commas."""
    keys = [key.strip() for key in text.split(",") if key.strip()]
    for position, key in enumerate(keys, start=1):
        try:
            raw = base64.urlsafe_b64decode(key)
        except (binascii.Error, ValueError):
            raw = b""
        valid = len(raw) == 32
        if valid and len(set(raw)) < _LEAST_BYTES and not DEBUG:
            raise ImproperlyConfigured(
                f"FIELD_ENCRYPTION_KEYS: key {position} of {len(keys)} is too easy to guess. Make "
                "it at random."
            )
        if not valid:
            raise ImproperlyConfigured(
                f"FIELD_ENCRYPTION_KEYS: key {position} of {len(keys)} is not a Fernet key "
                "(32 bytes in url-safe base64)."
            )
    return keys


def venue_urls() -> dict[str, str]:
    """A JSON object of venue and base URL. Outside ``DEBUG`` it must be allowed explicitly."""
    if not env.str("CAPITAL_VENUE_URLS", default="").strip():
        return {}
    try:
        urls = env.json("CAPITAL_VENUE_URLS")
    except ValueError as error:
        raise ImproperlyConfigured(
            'CAPITAL_VENUE_URLS is not JSON. Write {"venue": "http://host:port"}.'
        ) from error
    if not isinstance(urls, dict):
        raise ImproperlyConfigured("CAPITAL_VENUE_URLS must be a JSON object: venue to base URL.")
    if urls and not (DEBUG or switch("CAPITAL_ALLOW_VENUE_URLS", default=False)):
        # Signed requests would go to a server other than the exchange.
        raise ImproperlyConfigured(
            "CAPITAL_VENUE_URLS sends signed requests to other servers than the exchanges. "
            "It needs DEBUG=1 or CAPITAL_ALLOW_VENUE_URLS=1."
        )
    for venue, url in urls.items():
        if not _is_http_url(url):
            raise ImproperlyConfigured(
                f"CAPITAL_VENUE_URLS: the entry for {venue!r} is not an http(s) URL."
            )
    return urls


def _is_http_url(url: object) -> bool:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        return False
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.netloc)


def whole_number(name: str, default: int, *, least: int, most: int | None = None) -> int:
    """A whole number, ``least`` or more, and at most ``most``."""
    text = os.environ.get(name, "").strip()
    try:
        number = int(text) if text else default
    except ValueError:
        number = least - 1
    if number < least:
        raise ImproperlyConfigured(f"{name} must be a whole number, {least} or more.")
    if most is not None and number > most:
        raise ImproperlyConfigured(f"{name} must be at most {most}.")
    return number


def minutes(name: str, default: int, *, least: int = 1) -> int:
    """Every how many minutes a job runs: as many as its schedule's column can hold, three weeks."""
    return whole_number(name, default, least=least, most=32_767)


def hosts(name: str) -> list[str]:
    """Host names, separated by commas."""
    names: list[str] = env.list(name, default=[])
    return names


def origins(name: str) -> list[str]:
    """Origins such as ``https://capital.example.com``, separated by commas."""
    given: list[str] = [each.strip() for each in env.list(name, default=[]) if each.strip()]
    for origin in given:
        if not _is_http_url(origin) or urlsplit(origin).path not in ("", "/"):
            raise ImproperlyConfigured(
                f"{name}: {origin!r} is not an origin such as https://capital.example.com."
            )
    return [origin.rstrip("/") for origin in given]


def proxy_header(name: str) -> tuple[str, str] | None:
    """A header's name, in the form of ``SECURE_PROXY_SSL_HEADER``; None if it is not set."""
    header = os.environ.get(name, "").strip()
    if not header:
        return None
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", header):
        raise ImproperlyConfigured(f"{name} must be a header's name such as X-Forwarded-Proto.")
    return f"HTTP_{header.upper().replace('-', '_')}", "https"


def egress(name: str) -> str:
    """A name for the address that exchanges see; by default the machine's."""
    text = os.environ.get(name, "").strip() or socket.gethostname()
    if not re.fullmatch(r"[\x21-\x7e]{1,100}", text):
        raise ImproperlyConfigured(f"{name} must be 1 to 100 letters, digits or marks, no spaces.")
    return text


def redis_url(name: str) -> str:
    """Where Redis is; empty if it is not used."""
    text = os.environ.get(name, "").strip()
    if text and text.partition("://")[0] not in ("redis", "rediss", "unix"):
        # Not the URL itself: it may contain a password.
        raise ImproperlyConfigured(f"{name} must begin with redis://, rediss:// or unix://.")
    return text


def metrics_token(name: str) -> str:
    """What opens ``/metrics``; empty if no token does."""
    text = os.environ.get(name, "").strip()
    if text and not re.fullmatch(r"[\x21-\x7e]{20,}", text):
        # Not the token itself.
        raise ImproperlyConfigured(
            f"{name} must be 20 or more letters, digits or marks, no spaces. Make one with: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return text


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Networks such as ``10.0.0.0/8``, or single addresses, separated by commas."""
    found = []
    for text in filter(None, (each.strip() for each in env.list(name, default=[]))):
        try:
            found.append(ip_network(text))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name}: {text!r} is no network such as 10.0.0.0/8 or 192.0.2.7."
            ) from None
    return found


def ping_url(name: str) -> str:
    """Whom to tell after each round of jobs that all is well; empty for nobody."""
    text = os.environ.get(name, "").strip()
    if text and (not _is_http_url(text) or not text.isascii() or not text.isprintable()):
        # Not the URL itself: it is a secret.
        raise ImproperlyConfigured(f"{name} must be an http(s) URL.")
    return text


def mail_server(name: str) -> dict[str, Any]:
    """Where mail is sent by: ``smtp+tls://user:password@host:587``; no host if there is none.

    Returns:
        Django's settings: ``EMAIL_HOST`` and those that go with it.
    """
    text = os.environ.get(name, "").strip()
    # Not the URL itself: it may contain a password.
    problem = f"{name} must begin with smtp://, smtp+tls:// or smtp+ssl:// and name a host."
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ImproperlyConfigured(problem) from None
    if text and (parts.scheme not in _MAIL_PORTS or not host):
        raise ImproperlyConfigured(problem)
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": port or _MAIL_PORTS.get(parts.scheme, 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtp+ssl",
        "EMAIL_TIMEOUT": 10,
    }


_MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}


def mail_address(name: str) -> str:
    """Whom mail comes from; by default a name of this machine."""
    text = os.environ.get(name, "").strip() or f"capital@{socket.gethostname()}"
    if not re.fullmatch(r"[^\r\n@]+@[^\r\n@]+", text):
        raise ImproperlyConfigured(f"{name} must be an e-mail address.")
    return text


def site_url(name: str) -> str:
    """Where people open the site, without a slash at the end; empty if nobody said so."""
    text = os.environ.get(name, "").strip().rstrip("/")
    if text and not _is_http_url(text):
        raise ImproperlyConfigured(f"{name} must begin with https:// or http:// and name a host.")
    return text


def time_of_day(name: str, default: str) -> time:
    """A time of day as ``HH:MM:SS``."""
    text = os.environ.get(name, "").strip() or default
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d", text):
        raise ImproperlyConfigured(f"{name} must be a time of day such as {default}.")
    return time.fromisoformat(text)


def cluster_name() -> str:
    """The name of the queue."""
    # Not stripped: django-q2 reads the variable too, and another name would be another queue.
    name = os.environ.get("Q_CLUSTER_NAME", "") or "capital"
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name):
        raise ImproperlyConfigured(
            "Q_CLUSTER_NAME must be 1 to 100 letters, digits, dots, dashes or underscores."
        )
    return name


def database() -> dict[str, Any]:
    """The database at ``DATABASE_URL``; without one an SQLite file beside ``manage.py``."""
    url = os.environ.get("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
    if url.partition("://")[0] not in ("sqlite", "postgres", "postgresql"):
        # Not the URL itself: it may contain a password.
        raise ImproperlyConfigured(
            "DATABASE_URL must begin with sqlite:///, postgres:// or postgresql://."
        )
    if re.match(r"sqlite://(?!/|:memory:\Z)", url):
        # What stands behind two slashes is a host, and the file would be one without a name.
        raise ImproperlyConfigured(
            "DATABASE_URL: a file of SQLite is written with three slashes, sqlite:///name.sqlite3, "
            "and with four if its path begins at the root."
        )
    config: dict[str, Any] = env.db_url_config(url)
    # A request that only reads must not hold a transaction; services open their own.
    config["ATOMIC_REQUESTS"] = False
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        # SQLite ignores row locks. IMMEDIATE takes the write lock at BEGIN, so that two
        # services cannot both read before either writes; the timeout is how long one waits.
        options.update(
            timeout=20, transaction_mode="IMMEDIATE", init_command="PRAGMA journal_mode=WAL;"
        )
    else:
        if "pool" in options:
            raise ImproperlyConfigured(
                "DATABASE_URL must not ask for a pool of connections: the worker's processes, "
                "which are forked, would wait for it for ever. CONN_MAX_AGE keeps connections."
            )
        # Each process keeps its own connection. A psycopg pool, whose threads do not survive
        # the fork of the workers, stops the cluster dead.
        config["CONN_MAX_AGE"] = whole_number("CONN_MAX_AGE", 60, least=0)
        config["CONN_HEALTH_CHECKS"] = True
        config["ENGINE"] = "capital_project.postgresql"
        # Says to the server, and so to ``upgrade_check``, which version is connected.
        options.setdefault("application_name", f"capital {__version__}")
    return config


def rate(name: str, default: str) -> tuple[int, int]:
    """A rate such as ``600/minute``, as requests and seconds; zero requests for no limit."""
    text = os.environ.get(name, "").strip() or default
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
    if not (found := re.fullmatch(r"(\d{1,9})/(second|minute|hour|day)", text)):
        raise ImproperlyConfigured(f"{name} must be a rate such as {default} (0/minute: no limit).")
    return int(found[1]), seconds[found[2]]


def currency(name: str) -> str:
    """A currency code; empty if it is not set."""
    text = os.environ.get(name, "").strip()
    if not re.fullmatch(r"[A-Z0-9]{0,16}", text):
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a currency such as USD.")
    return text


def task_seconds(*, chunk: int, concurrency: int) -> tuple[int, int]:
    """How long a task may take, and after how long an unfinished one is retried.

    Args:
        chunk: Maximum number of accounts per task.
        concurrency: How many of them are read at once.
    """
    # An exchange may take 15 seconds to answer for each account.
    rounds = -(-chunk // concurrency)
    timeout = whole_number("Q_TIMEOUT_SECONDS", 15 * rounds + 30, least=1)
    # A pulled task may wait for two others before it starts, and the time counts from the pull.
    retry = whole_number("Q_RETRY_SECONDS", 3 * timeout + 30, least=1)
    if retry <= timeout:
        raise ImproperlyConfigured(
            f"Q_RETRY_SECONDS ({retry}) must be more than Q_TIMEOUT_SECONDS ({timeout}): "
            "a task would be given out again while it still runs."
        )
    return timeout, retry


def clock_tolerance_seconds(*, timeout: int, retry: int) -> int:
    """How far the clock of a machine may be off the database's.

    A task that one machine works on must not be due again by the clock of another: one of them may
    be so far ahead, and the other so far behind.

    Args:
        timeout: How long a task may take.
        retry: After how long an unfinished one is retried.
    """
    most = (retry - timeout - 1) // 2
    default = max(1, min(60, most))
    seconds = whole_number("CAPITAL_CLOCK_TOLERANCE_SECONDS", default, least=1)
    if seconds > max(most, default):
        raise ImproperlyConfigured(
            f"CAPITAL_CLOCK_TOLERANCE_SECONDS ({seconds}) is too much: Q_RETRY_SECONDS ({retry}) "
            f"must be more than Q_TIMEOUT_SECONDS ({timeout}) and twice "
            "CAPITAL_CLOCK_TOLERANCE_SECONDS. Where clocks differ so much, a task would be given "
            "out again while it still runs."
        )
    return seconds
