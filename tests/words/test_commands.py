"""Every command speaks the reader's language: its help, its output and its errors."""

import re
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from capital.management.base import CapitalCommand
from capital.models import AllocationRun, StrategyCapital
from capital.services.jobs import JOBS
from tests.factories import make_account, make_link, make_market, make_strategy, make_user
from tests.simulated import Exchange
from tests.words.reading import faults_of, report

LANGUAGES = ("ko", "en")
OURS = sorted(name for name, app in get_commands().items() if app.startswith("capital"))
# What is typed or sent, whatever the language; what the machine says; names of rows and jobs.
_TYPED = (
    r"No such file or directory",
    r"\b(?:qty_per|risk_per|stop_price|qty|stake)\b",
    r"--?[a-z][\w-]*",
    r"\{[^{}]*\}",
    r"\b[A-Z][A-Z_]+\b",
    r"'[^']*'|\"[^\"]*\"|`[^`]*`",
    r"https?://\S+|/api/\S+|/admin/|docs/\S+|POST \S+|(?:cap|whs)_\S+",
    r"python manage\.py [\w ]+|manage\.py \w+(?: (?:create|list|revoke)\b)?|\./archive",
    r"token (?:create|list|revoke)|\buser name\b",
    r"\btoday, 7d, 30d, 90d, month, year, all\b",
    r"\bint\b|\w+\.\w+\.\w+",
    r": null,?$",
    r"^\d+번째 행, \w+:|\bfreqtrade\b|\bnowhere\b",
    r"\b(?:MAIN|Main|Broken|[Gg]rid|[Tt]rend|minsu|bot|nobody|demo-desk|demo)\b",
    r"\b(?:buy|sell|read|size|allocate|Linux|JSON|CommandError)\b",
    r"\b(?:ExchangeNotAvailable|AuthenticationError|RequestTimeout)\b",
    # Of JSON.
    r"\bnull\b",
    # A file of a desk, and what writes and reads it.
    r"/\S+\.yaml\b|\b(?:ex|im)port_desk\b",
    # A backup code.
    r"^[a-z2-7]{16}$",
    # The code of a sentence stands behind it.
    r"\((?:[a-z]+_)*[a-z]+\)",
    r"\b(?:" + "|".join(job.name for job in JOBS) + r")\b",
)
TYPED = re.compile("|".join(_TYPED), re.ASCII)


def wrong(text: str, language: str) -> list[str]:
    """The faults of each line."""
    return [
        fault for line in text.splitlines() for fault in faults_of(TYPED.sub("", line), language)
    ]


def command_of(name: str) -> BaseCommand:
    command = load_command_class(get_commands()[name], name)
    command._called_from_command_line = True
    return command


def parsers(name: str) -> Iterator[ArgumentParser]:
    """The command's, and those of what it is asked to do."""
    parser = command_of(name).create_parser("manage.py", name)
    yield parser
    for action in parser._actions:
        if isinstance(choices := action.choices, dict):
            yield from choices.values()


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_is_in_the_readers_language(language: str) -> None:
    found: dict[str, list[str]] = {}
    with translation.override(language):
        for name in OURS:
            for parser in parsers(name):
                shown = parser.format_help()
                assert shown.startswith({"ko": "사용법: ", "en": "usage: "}[language]), name
                helps = [action.help or "" for action in parser._actions]
                for text in [parser.description or "", *helps, *headings(shown)]:
                    if faulty := wrong(text, language):
                        found[parser.prog] = faulty

    assert not found, report(found)


def headings(shown: str) -> list[str]:
    """The lines above each group of arguments, and above the examples."""
    return re.findall(r"^\S.*:$", shown, re.MULTILINE)


@pytest.mark.parametrize("name", OURS)
def test_every_argument_that_needs_it_is_explained(name: str) -> None:
    assert isinstance(command_of(name), CapitalCommand)
    for parser in parsers(name):
        silent = [
            action.dest
            for action in parser._actions
            if not action.help and action.help != SUPPRESS and not action.choices
        ]
        assert silent == [], parser.prog


# What they say

TRADES = """executed_at,strategy,symbol,side,quantity,price,fee_amount,fee_currency,order_id
2026-03-10T09:00:00+09:00,grid,BTC/USDT,buy,0.1,100,0.1,BNB,a1
"""


def say(name: str, *arguments: str, is_checked: bool = False) -> tuple[int, str]:
    """Exit code, and everything that a person reads; Django's checks too, if it is to run them."""
    command = command_of(name)
    out = StringIO()
    with redirect_stderr(out), redirect_stdout(out):
        try:
            options = vars(command.create_parser("manage.py", name).parse_args(arguments))
            positional = options.pop("args", ())
            if "skip_checks" in options:
                options["skip_checks"] = not is_checked
            command.execute(*positional, **options, stdout=out, stderr=out)
        except SystemExit as stopped:
            return int(str(stopped.code)), out.getvalue().rpartition("]\n")[2]
        except CommandError as refused:
            return refused.returncode, f"{out.getvalue()}\n{refused}"
    return 0, out.getvalue()


@pytest.fixture
def desk(exchange: Exchange, settings: Any) -> None:
    """Two accounts, one of which cannot be read; a strategy on both; a row that is wrong."""
    settings.DEBUG = True
    user = make_user(username="minsu", is_superuser=True)
    wallets = {"spot": {"USDT": "300"}, "futures": {"USDT": "90"}}
    main = exchange.open_account(owner=user, name="Main", wallets=wallets)
    make_account(owner=user, name="Broken")
    for market_type, key in (("spot", "grid"), ("futures", "trend")):
        strategy = make_strategy(owner=user, name=key, key=key, market_type=market_type)
        for account in user.accounts.all():
            make_link(account=account, strategy=strategy)
    for symbol in ("BTC/USDT", "BTC/USDT:USDT"):
        make_market(symbol, min_amount=Decimal("0.001"), min_cost=Decimal(5))
    assert main.pk


BUY = ("--symbol", "BTC/USDT", "--side", "buy", "--price", "61000")
# In this order: what each is asked, and its exit code.
ASKED: list[tuple[int, tuple[str, ...]]] = [
    (1, ("jobs",)),
    (0, ("sync_schedules",)),
    (1, ("jobs",)),
    (0, ("rates",)),
    (0, ("rates", "BTC", "KRW", "98000000")),
    (2, ("rates", "BTC", "BTC", "1")),
    (2, ("rates", "BTC", "KRW", "x")),
    (2, ("rates", "BTC")),
    (1, ("balances", "--all")),
    (2, ("balances", "--account", "nobody")),
    (0, ("reallocate", "--account", "Main", "--dry-run")),
    (0, ("reallocate", "--account", "Main")),
    (1, ("reallocate",)),
    (1, ("reallocate", "--if-due")),
    (0, ("reallocate", "--account", "Main", "--force", "--cached")),
    (2, ("reallocate", "--if-due", "--force")),
    (2, ("reallocate", "--accept-jump")),
    (2, ("reallocate", "--accept-jump", "--account", "Main")),
    (2, ("reallocate", "--account", "Main", "--run-key", "")),
    (2, ("revert", "999999")),
    (2, ("revert", "x")),
    (0, ("revert", "RUN", "--dry-run")),
    (0, ("revert", "RUN")),
    (2, ("revert", "RUN")),
    (0, ("size", "grid", *BUY, "--qty-per", "50")),
    (0, ("size", "grid", *BUY, "--qty-per", "0.01")),
    (0, ("size", "grid", *BUY, "--qty", "0.0000001")),
    (0, ("size", "grid", *BUY, "--risk-per", "1", "--stop-price", "90")),
    (1, ("size", "trend", *BUY, "--qty-per", "50")),
    (1, ("size", "grid", *BUY, "--qty-per", "-50")),
    (1, ("size", "grid", "--symbol", "ETH/USDT", "--side", "sell", "--qty-per", "5")),
    (2, ("size", "grid", *BUY)),
    (2, ("size", "grid", *BUY, "--qty-per", "x")),
    (2, ("size", "grid", *BUY, "--risk-per", "1")),
    (2, ("size", "nobody", *BUY, "--qty", "1")),
    (2, ("size", "grid", "--side", "up")),
    (2, ("size", "grid")),
    (0, ("sync_markets",)),
    (2, ("sync_markets", "--venue", "nobody")),
    (2, ("sync_markets", "--accept", "nobody")),
    (2, ("sync_markets", "--accept", "nobody", "BTC/USDT")),
    (0, ("run_job", "prune")),
    (1, ("run_job", "sync_balances")),
    (1, ("run_job", "reallocate_due")),
    (2, ("run_job", "nobody")),
    (0, ("token", "list")),
    (0, ("token", "create", "minsu", "bot", "--account", "Main")),
    (0, ("token", "list")),
    (2, ("token", "create", "nobody", "bot")),
    (2, ("token", "create", "minsu", "bot", "--days", "0")),
    (2, ("token", "create", "minsu", "")),
    (2, ("token", "create", "minsu", "bot", "--account", "nobody")),
    (2, ("token", "revoke", "nobody")),
    (2, ("token", "create", "minsu", "bot", "--scope", "nobody")),
    (2, ("token",)),
    (0, ("webhook_secret", "grid")),
    (0, ("webhook_secret", "grid", "--remove")),
    (0, ("webhook_secret", "grid", "--remove")),
    (2, ("webhook_secret", "nobody")),
    (0, ("addstatictoken", "minsu")),
    (2, ("addstatictoken", "nobody")),
    (0, ("rotate_keys",)),
    (2, ("rotate_keys", "--batch", "0")),
    (0, ("positions",)),
    (0, ("positions", "--json")),
    (0, ("alerts",)),
    (0, ("alerts", "--json")),
    (2, ("alerts", "--account", "nowhere")),
    (2, ("send_test_alert", "--user", "nobody")),
    (0, ("reservations",)),
    (0, ("reservations", "--all", "--json")),
    (2, ("reservations", "--release", "99999")),
    (2, ("reservations", "--release", "x")),
    (2, ("positions", "--account", "nobody")),
    (0, ("pnl",)),
    (0, ("pnl", "--by", "strategy", "--json")),
    (2, ("pnl", "--from", "2026")),
    (2, ("pnl", "--account", "nobody")),
    (0, ("performance",)),
    (0, ("performance", "--by", "link", "--json")),
    (2, ("performance", "--from", "2026")),
    (2, ("performance", "--period", "today", "--to", "2026-01-01")),
    (2, ("replay", "--account", "Main", "--policy", "weights", "--to", "2001-01-01")),
    (2, ("replay", "--account", "nobody", "--policy", "own_profit")),
    (2, ("replay", "--account", "Main", "--policy", "nobody")),
    (2, ("replay", "--account", "Main", "--policy", "weights", "--lookback-days", "5")),
    (2, ("replay", "--account", "Main", "--policy", "weights", "--drift-band-percent", "101")),
    (0, ("import_trades", "FILE", "--account", "Main")),
    (0, ("replay", "--account", "Main", "--policy", "weights")),
    (0, ("replay", "--account", "Main", "--policy", "own_profit", "--json")),
    (0, ("import_trades", "FILE", "--account", "Main", "--dry-run")),
    (2, ("import_trades", "FILE", "--account", "Main", "--strategy", "nobody")),
    (2, ("import_trades", "FILE", "--account", "nobody")),
    (2, ("import_trades", "nowhere", "--account", "Main")),
    (2, ("import_fills", "--account", "nobody", "--since", "2026-01-01")),
    (2, ("import_fills", "--account", "Main", "--since", "2026-13-01")),
    (2, ("import_fills", "--account", "Main", "--since", "1999-01-01")),
    (0, ("stop", "--list")),
    (0, ("stop", "--account", "Main", "--reason", "MAIN")),
    (0, ("stop", "--everybody", "--reason", "MAIN")),
    (0, ("stop", "--everybody", "--reason", "MAIN")),
    (0, ("stop", "--list")),
    (0, ("lift_stop", "--everybody", "--reason", "MAIN")),
    (0, ("lift_stop", "--everybody", "--reason", "MAIN")),
    (2, ("stop", "--everybody")),
    (2, ("stop", "--everybody", "--reason", "A" * 501)),
    (2, ("lift_stop", "--reason", "MAIN")),
    (0, ("archive", "--before", "2026-01-01", "--dry-run")),
    (0, ("archive", "--before", "2026-01-01", "--to", "TMP")),
    (2, ("archive", "--before", "2026")),
    (2, ("archive", "--before", "2026-01-01", "--account", "nobody")),
    (1, ("audit_capital",)),
    (1, ("audit_capital", "--full")),
    (2, ("audit_capital", "--account", "nobody")),
    (0, ("load_demo", "--show-login")),
    (0, ("load_demo",)),
    (0, ("venues_table", "--check")),
    (2, ("qcluster", "--name")),
    (2, ("run_with_worker", "a", "b")),
    (1, ("doctor", "--offline")),
    (1, ("doctor", "--offline", "--json")),
    (0, ("first_user", "--exists")),
    (0, ("upgrade_check",)),
    (2, ("backup", "/nowhere/x")),
    (2, ("restore", "/nowhere/x", "--check")),
    (2, ("restore", "/nowhere/x")),
    (0, ("export_desk", "DESK")),
    (2, ("export_desk", "DESK")),
    (2, ("export_desk", "/nowhere/x")),
    (2, ("export_desk", "/nowhere/x", "--with-secrets")),
    (2, ("export_desk", "/nowhere/x", "--passphrase-file", "/nowhere/y")),
    (0, ("import_desk", "DESK", "--dry-run")),
    (0, ("import_desk", "DESK")),
    (2, ("import_desk", "/nowhere/x")),
    (2, ("import_desk", "FILE")),
    (1, ("first_user", "kim")),
    (2, ("simulate_exchange", "--port", "x")),
    (2, ("simulate_exchange", "--latency-ms", "x")),
    (2, ("simulate_exchange", "--", "/nobody")),
]  # fmt: skip


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_output_and_errors_are_in_the_readers_language(
    desk: None, tmp_path: Path, language: str
) -> None:
    found = {}
    with translation.override(language):
        for number, (code, (name, *arguments)) in enumerate(ASKED):
            if name == "audit_capital":
                StrategyCapital.objects.update(allocated_capital=Decimal("7.5"))
            trades = tmp_path / "trades.csv"
            trades.write_text(TRADES)
            named = {
                "RUN": AllocationRun.objects.order_by("pk").values_list("pk").first(),
                "TMP": (tmp_path,),
                "FILE": (trades,),
                "DESK": (tmp_path / f"desk-{language}.yaml",),
            }
            given = [str((named.get(each) or (each,))[0]) for each in arguments]
            answered, told = say(name, *given, is_checked=number == 0)
            if answered != code:
                found[" ".join((name, *given))] = [f"exit status {answered}, not {code}: {told}"]
            elif faulty := wrong(told, language):
                found[" ".join((name, *given))] = faulty
            assert told.strip() or code == 0, (name, *given)

    assert not found, report(found)


def test_every_command_is_asked_something() -> None:
    assert {asked[0] for _, asked in ASKED} == set(OURS)
