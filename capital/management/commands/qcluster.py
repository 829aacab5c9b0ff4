"""``qcluster``: django-q2's own, with current schedules, and no process left behind."""

import logging
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError, connections
from django.utils.translation import gettext as _
from django_q.cluster import Cluster
from django_q.management.commands.qcluster import Command as Base

from capital.management.faces import errors_translated
from capital.management.processes import end_children_with_this_process
from capital.services.clusters import forget_heartbeat
from capital.services.schedules import sync_schedules

logger = logging.getLogger(__name__)


class Command(Base):  # type: ignore[misc]  # django-q2 has no types
    """Exit 0 when it was stopped; 1 when its guarding process died, to be started again."""

    help = "Run the jobs: a guard, the workers, and what feeds them. Ctrl-C stops it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the schedules current, then run until stopped."""
        with errors_translated():
            sync_schedules()
        # A connection must not be shared with the processes that are forked.
        connections.close_all()
        end_children_with_this_process()
        cluster = Cluster()
        cluster.start()
        logger.info(
            "The cluster of process %s pulls tasks (Ctrl-C stops it).", cluster.sentinel.pid
        )
        sentinel = cluster.sentinel
        if options["run_once"]:
            cluster.stop()
        sentinel.join()
        if sentinel.exitcode:
            raise CommandError(_("The guard of the cluster ended unexpectedly. Start it again."))
        logger.info("The cluster has stopped.")
        try:
            forget_heartbeat(pid=sentinel.pid)
        except DatabaseError as error:
            logger.warning("The heartbeat was not removed (%s).", type(error).__name__)
