"""Which request or task the present work belongs to, as the log, an answer and the queue tell it.

One id runs from the proxy through the request and the tasks that it queues to the jobs that do
them. With it goes which accounts were worked on, and which of them could not be.
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

HEADER = "X-Request-ID"
# The key of a queued task that holds the id of whoever queued it.
CARRIED = "request_id"
# What a proxy or a client may call its request. Tokens of ours have an underscore: they are none.
_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{7,63}")
_MOST_ACCOUNTS = 20


@dataclass
class Trace:
    """One request or task.

    Attributes:
        id: By which its lines are found in the log.
        account_ids: The accounts that it works on, as far as they are known; the first ones.
    """

    id: str
    account_ids: dict[int, None] = field(default_factory=dict)

    def note(self, account_id: int) -> None:
        """It works on this account."""
        if len(self.account_ids) < _MOST_ACCOUNTS:
            self.account_ids[account_id] = None


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)
_troubles: ContextVar[list[str] | None] = ContextVar("troubles", default=None)


def begin_trace(asked: Any = None) -> Trace:
    """Begin a request or a task, by the id that it came with if that is one, else by a new one."""
    is_valid = isinstance(asked, str) and _VALID.fullmatch(asked)
    trace = Trace(asked if is_valid else uuid.uuid4().hex)
    _trace.set(trace)
    return trace


def end_trace() -> None:
    """The request or task has ended."""
    _trace.set(None)


def current_id() -> str | None:
    """The id of the present request or task; None outside of both."""
    trace = _trace.get()
    return None if trace is None else trace.id


def note_accounts(account_ids: Iterable[int]) -> None:
    """The present request or task works on these accounts."""
    trace = _trace.get()
    if trace is not None:
        for account_id in account_ids:
            trace.note(account_id)


@contextmanager
def troubles_noted() -> Iterator[list[str]]:
    """Collects what ``note_trouble`` is told meanwhile, each account once."""
    noted: list[str] = []
    token = _troubles.set(noted)
    try:
        yield noted
    finally:
        _troubles.reset(token)


def one_line(name: str) -> str:
    """The name without line breaks, so that it cannot forge a log line."""
    return " ".join(name.split()) if not name.isprintable() else name


def told(account_id: int, name: str) -> str:
    """An account as log lines name it."""
    return f"{one_line(name)} #{account_id}"


def note_trouble(account_id: int, name: str, code: str) -> None:
    """A job could not do for this account what it is for; it goes on with the others."""
    noted = _troubles.get()
    if noted is not None:
        line = f"{told(account_id, name)} ({code})"
        if line not in noted:
            noted.append(line)
