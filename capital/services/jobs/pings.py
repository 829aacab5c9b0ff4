"""The ping after each round of jobs: while it comes, jobs run; when it stops, somebody is told."""

import logging
import threading

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from capital.channels.ping import NotPinged, ping
from capital.domain.clock import Clock
from capital.services.jobs.health import Health, check_health
from capital.services.jobs.table import JOBS
from capital.services.transactions import outside_transaction

logger = logging.getLogger(__name__)

_TASKS = frozenset(task for job in JOBS for task in (job.task, job.chunk_task) if task)
# One at a time: a server that hangs must not gather threads.
_pinging = threading.Lock()


def ping_after(task: str) -> threading.Thread | None:
    """Ping after a task of a periodic job, where ``CAPITAL_PING_URL`` says whom.

    All of it is done by a thread of its own: the worker waits neither for the database nor for
    anybody's server.

    Args:
        task: The function that the queue has run.

    Returns:
        The thread; None where there is nothing to do, or the last ping is not done yet.
    """
    is_wanted = settings.CAPITAL_PING_URL and task in _TASKS
    if not is_wanted or not _pinging.acquire(blocking=False):
        return None
    thread = threading.Thread(target=_ping_and_end, name="ping", daemon=True)
    thread.start()
    return thread


@outside_transaction
def ping_now(*, clock: Clock = timezone.now) -> None:
    """Read how the jobs are doing, and tell ``CAPITAL_PING_URL`` whether all is well.

    Call it outside a transaction: it waits for somebody else's server. Where the database does not
    answer, nothing is sent. Whatever fails is logged without the URL.

    Args:
        clock: Decides what is late.
    """
    try:
        health = check_health(clock=clock)
    except Error as error:
        logger.error("The health of the jobs could not be read: %s.", type(error).__name__)
        return
    try:
        ping(settings.CAPITAL_PING_URL, is_well=health.is_healthy, text=_told(health))
    except NotPinged as error:
        logger.warning("CAPITAL_PING_URL did not take the ping: %s.", error)


def _ping_and_end() -> None:
    try:
        ping_now()
    finally:
        # This thread's own connection.
        connection.close()
        _pinging.release()


def _told(health: Health) -> str:
    """What is not well, a line each; nothing of accounts but how many, and where."""
    lines = [f"{job.name} is late." for job in health.jobs if job.is_late]
    if not any(cluster.is_alive for cluster in health.clusters):
        lines.append("No worker cluster is running.")
    if health.is_stuck:
        lines.append("Tasks have been waiting too long.")
    if (unread := health.accounts.reason) is not None:
        lines.append(unread.english)
    return "\n".join(lines)
