"""``simulate_exchange``: serve simulated exchanges, alone or while one command runs."""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.base import CapitalCommand, HelpFormatter
from capital.simulator.errors import SimulatorError
from capital.simulator.faults import Fault
from capital.simulator.state import DEMO_ACCOUNTS, ExchangeState
from capital.simulator.trading.demo import trade_demo

if TYPE_CHECKING:
    from capital.simulator.server import SimulatedExchange

_BAD_ARGUMENTS = 2
_FORWARDED = (signal.SIGINT, signal.SIGTERM)
_EXAMPLES = """\
{account}
  {{"name": "Mine", "venue": "binance", "currency": "USDT", "api_key": "k", "api_secret": "s",
   "wallets": {{"spot": {{"USDT": "10.00"}}, "futures": {{"USDT": "5.00"}}}},
   "faults": [{{"pool": "futures", "fault": "timeout", "times": 2}}]}}

{running}
  curl URL/simulator/                     {accounts}
  curl URL/simulator/faults -d '{{"api_key": "k", "pool": "spot", "fault": "drip"}}'
                                          {ends}
  curl URL/simulator/balances -d '{{"api_key": "k", "pool": "spot", "currency": "USDT", "amount": "7"}}'
  curl URL/simulator/fills -d '{{"api_key": "k", "symbol": "BTC/USDT:USDT", "side": "buy", "quantity": "1", "price": "10"}}'
  curl URL/simulator/flows -d '{{"api_key": "k", "kind": "deposit", "currency": "USDT", "amount": "7"}}'

{faults}
"""  # noqa: E501


class _WithExamples(HelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Django's order of options, and the examples with their line breaks."""


class Command(CapitalCommand):
    """Serves until it is interrupted, or until the command after ``--`` ends."""

    help = gettext_lazy(
        "Run a local exchange that speaks the wire format of the supported exchanges. With a\n"
        "command after --, run that command against it and exit with its exit status."
    )
    # It needs neither the database nor the models.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = _WithExamples
        parser.epilog = _epilog()
        parser.add_argument("--host", default="127.0.0.1", help=_("address to listen on"))
        parser.add_argument(
            "--port",
            type=_port,
            default=0,
            help=_("port to listen on; 0 (the default): any free one"),
        )
        parser.add_argument(
            "--desk", default=str(DEMO_ACCOUNTS), help=_("JSON file with the accounts")
        )
        parser.add_argument(
            "--latency-ms", type=_milliseconds, default=0, help=_("delay before every response")
        )
        parser.add_argument(
            "command_line",
            nargs="*",
            metavar="COMMAND",
            help=_('after --: the command to run; "python" is the Python that runs this'),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            desk = ExchangeState.from_json(options["desk"])
            if options["desk"] == str(DEMO_ACCOUNTS):
                now = timezone.localtime()
                midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
                trade_demo(desk, midnight, now)
        except SimulatorError as error:
            raise CommandError(str(error), returncode=_BAD_ARGUMENTS) from None

        # Imported here because aiohttp is slow to import and only serving needs it.
        from capital.simulator.server import SimulatedExchange

        host, port = options["host"], options["port"]
        exchange = SimulatedExchange(
            desk, latency_seconds=options["latency_ms"] / 1000, host=host, port=port
        )
        try:
            exchange.start()
        except OSError as error:
            raise CommandError(
                _(
                    "cannot listen on %(host)s port %(port)s (%(reason)s); choose another "
                    "--host or --port."
                )
                % {"host": host, "port": port, "reason": _reason(error)},
                returncode=_BAD_ARGUMENTS,
            ) from None
        try:
            if options["command_line"]:
                sys.exit(self._run(exchange, options["command_line"]))
            self._serve(exchange)
        finally:
            exchange.stop()

    def _serve(self, exchange: "SimulatedExchange") -> None:
        interrupted = threading.Event()
        with _on_interrupt(lambda _signum: interrupted.set()):
            assignment = f"CAPITAL_VENUE_URLS={shlex.quote(json.dumps(exchange.venue_urls))}"
            self.stdout.write(
                _("The simulated exchange is at %(url)s (Ctrl-C stops it).")
                % {"url": exchange.base_url}
            )
            self.stdout.write(f"export {assignment}")
            self.stdout.flush()
            interrupted.wait()

    def _run(self, exchange: "SimulatedExchange", command_line: list[str]) -> int:
        """Run ``command_line``. Returns its exit status, or 128 + n if signal n ended it."""
        program, *arguments = command_line
        environment = {
            **os.environ,
            "CAPITAL_VENUE_URLS": json.dumps(exchange.venue_urls),
            "CAPITAL_ALLOW_VENUE_URLS": "1",
        }
        # Standard output belongs to the child.
        self.stderr.write(
            _("The simulated exchange is at %(url)s.") % {"url": exchange.base_url},
            lambda text: text,
        )
        early: list[int] = []
        children: list[subprocess.Popen[bytes]] = []

        def forward(signum: int) -> None:
            if children:
                children[0].send_signal(signum)
            else:
                early.append(signum)

        with _on_interrupt(forward, but_not_from_terminal=True):
            try:
                child = subprocess.Popen(  # noqa: S603
                    [sys.executable if program == "python" else program, *arguments],
                    env=environment,
                )
            except OSError as error:
                raise CommandError(
                    _("cannot run %(program)s (%(reason)s).")
                    % {"program": repr(program), "reason": error.strerror},
                    returncode=_BAD_ARGUMENTS,
                ) from None
            children.append(child)
            for signum in early:
                child.send_signal(signum)
            returncode = child.wait()
        return returncode if returncode >= 0 else 128 - returncode


@contextmanager
def _on_interrupt(
    act: Callable[[int], None], *, but_not_from_terminal: bool = False
) -> Iterator[None]:
    """Call ``act`` with SIGINT and SIGTERM while the block runs.

    Args:
        act: What to do.
        but_not_from_terminal: Ignore a SIGINT that comes from our terminal: the child, which is in
            the same process group, gets its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(signum: int, _frame: object) -> None:
        if but_not_from_terminal and signum == signal.SIGINT and _owns_terminal():
            return
        act(signum)

    before = {signum: signal.signal(signum, handler) for signum in _FORWARDED}
    try:
        yield
    finally:
        for signum, previous in before.items():
            signal.signal(signum, previous)


def _owns_terminal() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _reason(error: OSError) -> str:
    # asyncio adds its own sentence to the reason. A failed name lookup has a negative number.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error.strerror or error)


def _epilog() -> str:
    known = fill(", ".join(Fault), width=90, initial_indent="  ", subsequent_indent="  ")
    return _EXAMPLES.format(
        account=_("an account in the file, with a pool that fails twice and then works:"),
        running=_("while it runs, at the URL that it prints:"),
        accounts=_("the accounts, without keys"),
        ends=_('"fault": null ends it; without "pool", for all pools'),
        faults=_("faults:") + "\n" + known,
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(_("must be a port, 0 to 65535"))
    return int(text)


def _milliseconds(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(_("must be a whole number of milliseconds, 0 or more"))
    return int(text)
