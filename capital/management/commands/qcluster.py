"""``qcluster``: django-q2's command with current schedules, a watchdog and no orphans."""

import logging
import signal
import sys
import threading
import time
from multiprocessing.sharedctypes import RawValue
from typing import Any

import django_q.cluster
from django.core.management.base import CommandError
from django.db import Error, close_old_connections, connections
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_q.cluster import Cluster, Sentinel
from django_q.management.commands.qcluster import Command as Base
from django_q.scheduler import scheduler

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.processes import end_children_with_this_process
from capital.services.access import warn_of_unreadable
from capital.services.jobs import (
    bring_back,
    forget_heartbeat,
    has_pulled,
    is_clock_wrong,
    is_silent,
    longest_silence,
    refuse_foreign_schedules,
    sweep,
    sweep_alerts,
    sync_schedules,
)

logger = logging.getLogger(__name__)

# The value of a worker's timer in django-q2 while it waits for a task.
_IDLE = -1
_LOOK_SECONDS = 10
# More than one check, so that after a database outage a cluster can record a heartbeat first.
_SILENT_LOOKS = 3
# A result is written in far less time.
_BLOCKED_SECONDS = 10


# Whether this guard has closed what was left before it.
_has_swept = False


def own_scheduler(broker: Any = None) -> None:
    """django-q2's scheduler, once the schedules that are not ours are switched off.

    What waits for a time that the clock, set back since then, reaches much later is due before.
    """
    close_old_connections()
    try:
        if is_clock_wrong():
            # The broker says so. What is due by this clock is due on no other machine.
            return
        refuse_foreign_schedules()
        bring_back()
    except Error as error:
        # It may be one of theirs that is due. The next round is in half a minute.
        logger.warning("The schedules could not be checked (%s).", type(error).__name__)
        return
    scheduler(broker=broker)
    _sweep()


def _sweep() -> None:
    """Close what dead processes left. The first time, also what is older."""
    global _has_swept
    try:
        sweep(is_first=not _has_swept)
        _has_swept = True
        sweep_alerts()
    except Error as error:
        logger.warning("What dead processes left was not closed (%s).", type(error).__name__)


class WatchedSentinel(Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """A guard that ends the cluster if it would otherwise be stuck.

    A process that waits at an internal queue holds the queue's lock: an idle worker, the monitor,
    or a worker that hands in its result. If it is killed then, the lock is never released. A new
    cluster has new queues, and the tasks are delivered again.
    """

    # When the guard last did something, by the clock that all processes share. No lock needed.
    seen_at = RawValue("d", 0.0)
    _free_at: float | None = None

    def status(self) -> str:
        """Record at every step of the guard's loop that it is working; check the result queue."""
        self.seen_at.value = now = time.monotonic()
        if self._is_result_queue_blocked(now):
            logger.error("A worker died handing in its result: no task is recorded. It ends.")
            sys.exit(1)
        state: str = super().status()
        return state

    def _is_result_queue_blocked(self, now: float) -> bool:
        # Queue has no public way to ask. Not blocking: the lock may never be released.
        lock = self.result_queue._wlock
        if lock.acquire(block=False):
            lock.release()
            self._free_at = now
        elif self._free_at is None:
            self._free_at = now
        return now - self._free_at > _BLOCKED_SECONDS

    def reincarnate(self, process: Any) -> None:
        """Replace a process that died, or end the cluster if that would not help."""
        is_idle_worker = (
            process in self.pool and not process.is_alive() and process.timer.value == _IDLE
        )
        if is_idle_worker or process is self.monitor:
            logger.error("A process of the cluster died waiting at a queue. The cluster ends.")
            sys.exit(1)
        super().reincarnate(process)


class WatchedCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    """A cluster that can always be stopped, and that is ended if it is stuck.

    A killed process may have held the lock of an internal queue, for which the next process then
    waits forever. The heartbeat shows that tasks are pulled. The guard, which takes the lock of
    each worker's timer, records that it is working itself.
    """

    is_asked_to_stop = False

    def sig_handler(self, _signum: int, _frame: Any) -> None:
        """Ask the guard to stop, in a thread: in a signal handler this might wait forever."""
        self.is_asked_to_stop = True
        if self.stop_event is not None:
            threading.Thread(target=self.stop_event.set, daemon=True).start()

    def watch(self) -> bool:
        """Wait until the guard ends, and end it if the cluster is stuck.

        Returns:
            Whether it ended because it was asked to.
        """
        silent_looks, next_look = 0, time.monotonic() + _LOOK_SECONDS
        WatchedSentinel.seen_at.value = time.monotonic()
        while self.sentinel.is_alive():
            self.sentinel.join(timeout=1)
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + _LOOK_SECONDS
                silent_looks = silent_looks + 1 if self._is_silent() else 0
            if silent_looks == _SILENT_LOOKS:
                return self._end("it pulls no tasks")
            if self._is_guard_stuck():
                return self._end("its guard waits for ever")
        # A machine that shuts down may send the signal to every process.
        stopped_with_us = self.is_asked_to_stop and self.sentinel.exitcode == -signal.SIGTERM
        return self.sentinel.exitcode == 0 or stopped_with_us

    def _end(self, why: str) -> bool:
        logger.error("The cluster is stuck: %s. It is ended.", why)
        # Its children end with it: see end_children_with_this_process.
        self.sentinel.kill()
        self.sentinel.join()
        return False

    def _is_guard_stuck(self) -> bool:
        """Whether it has done nothing for too long. While stopping it may wait for tasks."""
        silence = time.monotonic() - WatchedSentinel.seen_at.value
        return not self.is_asked_to_stop and silence > longest_silence().total_seconds()

    def _is_silent(self) -> bool:
        if has_pulled(pid=self.sentinel.pid, within=longest_silence()):
            # Its heartbeat looks old where the clock was set forward.
            return False
        try:
            return is_silent(pid=self.sentinel.pid)
        except Error:
            return False
        finally:
            connections.close_all()


class Command(CapitalCommand, Base):  # type: ignore[misc]  # django-q2 has no types
    """Exit status 0: it was stopped; 1: its guard died or was stuck, so start it again."""

    help = gettext_lazy(
        "Run the periodic jobs: scheduler, workers and a guard process. Ctrl-C stops it."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Update the schedules, then run until stopped."""
        with errors_translated():
            sync_schedules()
        warn_of_unreadable()
        # Forked processes must not share a connection.
        connections.close_all()
        end_children_with_this_process()
        # Cluster.start takes its guard from here.
        django_q.cluster.Sentinel = WatchedSentinel
        django_q.cluster.scheduler = own_scheduler
        cluster = WatchedCluster()
        try:
            cluster.start()
        except RuntimeError:
            logger.warning("The cluster was stopped, or failed, while it started.")
        pid = cluster.sentinel.pid
        logger.info("The cluster of process %s pulls tasks (Ctrl-C stops it).", pid)
        if options["run_once"]:
            cluster.sig_handler(signal.SIGTERM, None)
        if not cluster.watch():
            raise CommandError(
                _("The cluster's guard process ended unexpectedly. Start the cluster again.")
            )
        logger.info("The cluster has stopped.")
        try:
            forget_heartbeat(pid=pid)
        except Error as error:
            logger.warning("The heartbeat was not removed (%s).", type(error).__name__)
