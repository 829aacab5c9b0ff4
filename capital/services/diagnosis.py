"""What stands in the way of a desk: database, keys, clock, jobs, exchanges, hosts, disk."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from capital.domain.reasons import Code
from capital.exchange.gateway import reach_venues
from capital.exchange.venues import VENUES
from capital.models import Account
from capital.models.queries.clock import ahead_of_database
from capital.services.access import count_keys
from capital.services.clocks import clock_tolerance, is_too_far
from capital.services.database_errors import told
from capital.services.jobs import check_health
from capital.services.schema import read_schema
from capital.services.sentences import sentence
from capital.services.transactions import outside_transaction

_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
# Below this a database soon stops; below the other one it is time to think of it.
_LEAST_FREE, _FEW_FREE = 200 * 10**6, 2 * 10**9


class State(StrEnum):
    """How one thing stands. ``value`` is what is sent."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: Its name, the same in every language.
        state: How it stands.
        text: A sentence in the reader's language: what it is, and what to do.
    """

    check: str
    state: State
    text: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"check": self.check, "state": self.state.value, "text": self.text}


@outside_transaction
def diagnose(*, asks_venues: bool = True) -> Iterator[Finding]:
    """Look at everything, each as soon as it is known; without a database no further than that.

    Call it outside a transaction: it waits for exchanges.

    Args:
        asks_venues: Whether each exchange of an active account is asked; of none, all that are
            known.
    """
    found = list(_of_database())
    yield from found
    yield _of_hosts()
    yield _of_disk()
    if all(each.state is State.OK for each in found):
        yield from _of_keys()
        yield _of_clock()
        yield from _of_jobs()
    if asks_venues:
        yield from _of_venues(has_database=all(each.state is State.OK for each in found))


def _of_database() -> Iterator[Finding]:
    try:
        pending = read_schema().pending
    except (DatabaseError, InterfaceError) as error:
        yield Finding("database", State.PROBLEM, told(error))
        return
    name = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}[connection.vendor]
    yield Finding("database", State.OK, gettext("%(name)s answers.") % {"name": name})
    if pending:
        text = ngettext(
            "%(count)s migration is missing. Run `python manage.py migrate`.",
            "%(count)s migrations are missing. Run `python manage.py migrate`.",
            len(pending),
        ) % {"count": len(pending)}
        yield Finding("migrations", State.PROBLEM, text)
    else:
        yield Finding("migrations", State.OK, gettext("The database fits this version."))


def _of_keys() -> Iterator[Finding]:
    use = count_keys()
    for number in range(1, len(settings.FIELD_ENCRYPTION_KEYS) + 1):
        count = use.by_key.get(number, 0)
        text = ngettext(
            "Key %(number)s of FIELD_ENCRYPTION_KEYS opens %(count)s stored value.",
            "Key %(number)s of FIELD_ENCRYPTION_KEYS opens %(count)s stored values.",
            count,
        ) % {"number": number, "count": count}
        if number > 1 and count:
            text += " " + gettext("Run `python manage.py rotate_keys` before it is removed.")
        yield Finding("keys", State.OK, text)
    if use.unreadable:
        count = len(use.unreadable)
        rows = ", ".join(dict.fromkeys(f"{each.model} {each.row}" for each in use.unreadable[:5]))
        text = ngettext(
            "No key opens %(count)s stored value (%(rows)s). Add the missing key to "
            "FIELD_ENCRYPTION_KEYS, or enter it again.",
            "No key opens %(count)s stored values (%(rows)s). Add the missing key to "
            "FIELD_ENCRYPTION_KEYS, or enter them again.",
            count,
        ) % {"count": count, "rows": rows + (", …" if count > 5 else "")}
        yield Finding("keys", State.PROBLEM, text)


def _of_clock() -> Finding:
    ahead = ahead_of_database(clock=timezone.now)
    seconds = abs(ahead) // timedelta(seconds=1)
    if is_too_far(ahead):
        text = gettext(
            "This machine's clock is %(seconds)s seconds off the database's; %(limit)s are "
            "accepted. Set it by NTP: a cluster on this machine takes no tasks."
        ) % {"seconds": seconds, "limit": clock_tolerance() // timedelta(seconds=1)}
        return Finding("clock", State.PROBLEM, text)
    text = gettext("This machine's clock is %(seconds)s seconds off the database's.")
    return Finding("clock", State.OK, text % {"seconds": seconds})


def _of_jobs() -> Iterator[Finding]:
    health = check_health()
    alive = sum(cluster.is_alive for cluster in health.clusters)
    if alive:
        text = ngettext(
            "%(count)s cluster of workers is alive.",
            "%(count)s clusters of workers are alive.",
            alive,
        ) % {"count": alive}
        yield Finding("workers", State.OK, text)
    else:
        text = gettext("No worker is alive. Start one with `python manage.py qcluster`.")
        yield Finding("workers", State.PROBLEM, text)
    late = [job.name for job in health.jobs if job.is_late]
    if health.is_stuck and health.oldest_wait is not None:
        text = gettext("The oldest task has waited %(seconds)s seconds: too few workers are alive.")
        seconds = health.oldest_wait // timedelta(seconds=1)
        yield Finding("queue", State.PROBLEM, text % {"seconds": seconds})
    elif late:
        text = gettext("These jobs are late: %(jobs)s. `python manage.py jobs` says more.")
        yield Finding("queue", State.WARNING, text % {"jobs": ", ".join(late)})
    else:
        yield Finding("queue", State.OK, gettext("No task waits too long, and no job is late."))


def _of_venues(*, has_database: bool) -> Iterator[Finding]:
    wanted = sorted(VENUES)
    if has_database:
        used = Account.objects.filter(is_active=True).values_list("venue", flat=True)
        wanted = sorted(set(used.distinct().order_by()) & VENUES.keys()) or wanted
    if not settings.CAPITAL_LIVE_BALANCES:
        text = gettext("No exchange is asked: CAPITAL_LIVE_BALANCES is 0.")
        yield Finding("venues", State.WARNING, text)
        return
    answers = reach_venues(wanted)
    away = [each for each in answers.values() if each and each.code is not Code.EXCHANGE_BLOCKED]
    if len(away) == len(answers) > 1:
        text = gettext(
            "None of %(count)s exchanges can be reached (%(venues)s). Check that this machine may "
            "send requests to the internet."
        ) % {"count": len(answers), "venues": ", ".join(answers)}
        yield Finding("venues", State.PROBLEM, text)
        return
    for venue, why in answers.items():
        if why is None:
            yield Finding("venues", State.OK, gettext("%(venue)s answers.") % {"venue": venue})
        elif why.code is Code.EXCHANGE_BLOCKED:
            yield Finding("venues", State.PROBLEM, sentence(why))
        else:
            text = gettext("%(why)s Check that this machine may send requests to the internet.")
            yield Finding("venues", State.PROBLEM, text % {"why": sentence(why)})


def _of_hosts() -> Finding:
    names = settings.ALLOWED_HOSTS
    if not names and not settings.DEBUG:
        text = gettext("ALLOWED_HOSTS is empty, so no page opens. Set it to the site's name.")
        return Finding("hosts", State.PROBLEM, text)
    shown = ", ".join(names) or "localhost"
    if "*" in names:
        text = gettext("ALLOWED_HOSTS is “*”: any name is answered. Set it to the site's name.")
        return Finding("hosts", State.WARNING, text)
    if settings.CAPITAL_HTTPS and names and set(names) <= _LOCAL:
        text = gettext(
            "The site answers to %(hosts)s over HTTPS only: over plain HTTP nobody can log in. Set "
            "CAPITAL_HTTPS=0 on a machine of your own."
        )
        return Finding("hosts", State.WARNING, text % {"hosts": shown})
    return Finding(
        "hosts", State.OK, gettext("The site answers to `%(hosts)s`.") % {"hosts": shown}
    )


def _of_disk() -> Finding:
    folder = Path(__file__).parent
    if connection.vendor == "sqlite":
        file = Path(str(connection.settings_dict["NAME"]))
        folder = file.parent if file.parent.is_dir() else folder
    free = shutil.disk_usage(folder).free
    tenths = free // 10**8
    text = gettext("%(free)s GB of the disk are free.")
    text = text % {"free": f"{tenths // 10}.{tenths % 10}"}
    if free < _LEAST_FREE:
        return Finding("disk", State.PROBLEM, text + " " + gettext("Free some space."))
    return Finding("disk", State.WARNING if free < _FEW_FREE else State.OK, text)
