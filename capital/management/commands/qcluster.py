"""``qcluster``: django-q2's own, watched, with current schedules, and no process left behind."""

import logging
import signal
import sys
import threading
import time
from multiprocessing.sharedctypes import RawValue
from typing import Any

import django_q.cluster
from django.core.management.base import CommandError
from django.db import Error, connections
from django.utils.translation import gettext as _
from django_q.cluster import Cluster, Sentinel
from django_q.management.commands.qcluster import Command as Base

from capital.management.arguments import errors_translated
from capital.management.processes import end_children_with_this_process
from capital.services.jobs.clusters import forget_heartbeat, is_silent, longest_silence
from capital.services.jobs.schedules import sync_schedules

logger = logging.getLogger(__name__)

# What django-q2 writes on a worker's timer while it waits for a task.
_IDLE = -1
_LOOK_SECONDS = 10
# More than one look, so that a cluster can say that it is alive once the database is back.
_SILENT_LOOKS = 3
# A result is written in a moment.
_BLOCKED_SECONDS = 10


class WatchedSentinel(Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """A guard that ends where going on would leave the cluster stuck.

    Whoever waits at a queue between the processes holds its lock, and one that is killed there
    never gives it back: an idle worker or the monitor, or a worker that hands in its result. A
    new cluster has new queues, and its tasks are given out again.
    """

    # When the guard was last seen at work: of all processes of this machine, and without a lock.
    seen_at = RawValue("d", 0.0)
    _free_at: float | None = None

    def status(self) -> str:
        """Tell, at every step of the guard's round, that it goes on; look after the results."""
        self.seen_at.value = now = time.monotonic()
        if self._is_result_queue_blocked(now):
            logger.error("A worker died handing in its result: no task is recorded. It ends.")
            sys.exit(1)
        state: str = super().status()
        return state

    def _is_result_queue_blocked(self, now: float) -> bool:
        # Queue has no public way to ask, and whoever waits for this lock waits for ever.
        lock = self.result_queue._wlock
        if lock.acquire(block=False):
            lock.release()
            self._free_at = now
        elif self._free_at is None:
            self._free_at = now
        return now - self._free_at > _BLOCKED_SECONDS

    def reincarnate(self, process: Any) -> None:
        """Replace what may be replaced."""
        is_idle_worker = (
            process in self.pool and not process.is_alive() and process.timer.value == _IDLE
        )
        if is_idle_worker or process is self.monitor:
            logger.error("A process of the cluster died waiting at a queue. The cluster ends.")
            sys.exit(1)
        super().reincarnate(process)


class WatchedCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    """A cluster that can be stopped, and is ended when it is stuck.

    A process that was killed may have held a lock of the queues between the processes, and then
    whoever takes it next waits for ever. The heartbeat tells of those who pull tasks; the guard,
    which takes the lock of each worker's timer, tells of itself.
    """

    is_asked_to_stop = False

    def sig_handler(self, _signum: int, _frame: Any) -> None:
        """Ask the guard to stop; elsewhere than here, where it might wait for ever."""
        self.is_asked_to_stop = True
        if self.stop_event is not None:
            threading.Thread(target=self.stop_event.set, daemon=True).start()

    def watch(self) -> bool:
        """Wait for the guard's end.

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
        # Whoever stops a machine may send the signal to every process of it.
        stopped_with_us = self.is_asked_to_stop and self.sentinel.exitcode == -signal.SIGTERM
        return self.sentinel.exitcode == 0 or stopped_with_us

    def _end(self, why: str) -> bool:
        logger.error("The cluster is stuck: %s. It is ended.", why)
        # Its children end with it.
        self.sentinel.kill()
        self.sentinel.join()
        return False

    def _is_guard_stuck(self) -> bool:
        """While it stops it waits for tasks, as long as whoever stops it allows."""
        silence = time.monotonic() - WatchedSentinel.seen_at.value
        return not self.is_asked_to_stop and silence > longest_silence().total_seconds()

    def _is_silent(self) -> bool:
        try:
            return is_silent(pid=self.sentinel.pid)
        except Error:
            return False
        finally:
            connections.close_all()


class Command(Base):  # type: ignore[misc]  # django-q2 has no types
    """Exit 0 when it was stopped; 1 when its guard died or was stuck, to be started again."""

    help = "Run the jobs: a guard, the workers, and what feeds them. Ctrl-C stops it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the schedules current, then run until stopped."""
        with errors_translated():
            sync_schedules()
        # A connection must not be shared with the processes that are forked.
        connections.close_all()
        end_children_with_this_process()
        # Where Cluster.start looks its guard up.
        django_q.cluster.Sentinel = WatchedSentinel
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
            raise CommandError(_("The guard of the cluster ended unexpectedly. Start it again."))
        logger.info("The cluster has stopped.")
        try:
            forget_heartbeat(pid=pid)
        except Error as error:
            logger.warning("The heartbeat was not removed (%s).", type(error).__name__)
