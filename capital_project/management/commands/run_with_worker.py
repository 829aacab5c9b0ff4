"""``run_with_worker``: run the site and a worker cluster together."""

import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.base import CapitalCommand
from capital.management.processes import end_with_parent

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 15
# A cluster that ends sooner than this would only end again.
_WORTH_A_RESTART_SECONDS = 5
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(CapitalCommand):
    """Exit status 0: it was stopped; 1: the site ended by itself, which ends the cluster too.

    A cluster that ends by itself, for example because it was killed, is started again, as an init
    system would do. If it ends right after its start, everything ends.
    """

    help = gettext_lazy(
        "Serve the site and run the jobs in one command. For development and demos."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", nargs="?", default="127.0.0.1:8000", help=_("host:port"))
        parser.add_argument(
            "--check-port",
            action="store_true",
            help=_("only check that nothing else listens there"),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start both, wait for a signal or for one of them to end, then end both."""
        _require_free(options["address"])
        if options["check_port"]:
            return
        asked_to_stop = threading.Event()
        for signum in _STOPPING:
            signal.signal(signum, lambda _signum, _frame: asked_to_stop.set())
        children: dict[str, subprocess.Popen[bytes]] = {}
        try:
            children["site"] = _start(["runserver", "--noreload", options["address"]])
            children["cluster"], started_at = _start(["qcluster"]), time.monotonic()
            while not asked_to_stop.wait(timeout=0.2):
                if children["site"].poll() is not None:
                    break
                if children["cluster"].poll() is not None:
                    if time.monotonic() - started_at < _WORTH_A_RESTART_SECONDS:
                        break
                    logger.warning("The cluster ended. It is started again.")
                    children["cluster"], started_at = _start(["qcluster"]), time.monotonic()
        finally:
            _end(list(children.values()))
        if not asked_to_stop.is_set():
            sys.exit(1)


def _require_free(address: str) -> None:
    """Refuse an address at which another program listens, before anything is started."""
    host, _colon, port = address.rpartition(":")
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(
            _("“%(address)s” is no address. Write it as 127.0.0.1:8000.") % {"address": address},
            returncode=2,
        )
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the server does: what was closed a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]") or "127.0.0.1", int(port)))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CommandError(
                    _("Port %(port)s cannot be used: %(why)s.")
                    % {"port": port, "why": error.strerror},
                ) from error
            raise CommandError(
                _(
                    "Port %(port)s is in use by another program. Stop it, or choose another port: "
                    "make run PORT=%(next)s"
                )
                % {"port": port, "next": int(port) + 1 if int(port) < 65535 else 8000},
            ) from error


def _start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start a command in its own session, so that Ctrl-C reaches it only through this process."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, sys.argv[0], *arguments],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_when_this_ends,
    )


def _end_when_this_ends() -> None:
    end_with_parent(signal.SIGTERM)


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(timeout=_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            # This is safe: transactions roll back, and tasks are delivered again.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
