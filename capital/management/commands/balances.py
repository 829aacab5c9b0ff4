"""``balances``: show the balances on the exchanges right now, unrounded. Writes nothing."""

import sys
from argparse import ArgumentParser
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table
from rich.text import Text

from capital.domain.balances import Observation
from capital.domain.money import with_decimals
from capital.management.arguments import add_account_argument, chosen_account_ids, errors_translated
from capital.management.base import CapitalCommand
from capital.management.names import pool_name
from capital.management.output import console_on, grouped, print_json
from capital.services.balances import ObservedBalance, observe_balances, observe_wallets
from capital.services.sentences import sentence


class Command(CapitalCommand):
    """Exit status 0: every pool was read; 1: one was not; 2: invalid arguments."""

    help = gettext_lazy("Show the live balance of each pool, unrounded. Writes nothing.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_account_argument(parser)
        parser.add_argument(
            "--all",
            action="store_true",
            help=_("also show the other coins in each wallet; they are never added up"),
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            observe = observe_wallets if options["all"] else observe_balances
            balances = observe(chosen_account_ids(options["account"]))
        if options["json"]:
            print_json(self.stdout, {"accounts": _as_json(balances, others=options["all"])})
        elif balances:
            console_on(self.stdout).print(_table(balances))
        else:
            console_on(self.stdout).print(_("No active accounts."))
        if not all(isinstance(balance.answer, Observation) for balance in balances):
            sys.exit(1)


def _as_json(balances: list[ObservedBalance], *, others: bool) -> list[dict[str, Any]]:
    answer = []
    for account, of_account in groupby(balances, key=lambda balance: balance.account):
        pools = [
            {
                "pool": balance.pool.value,
                "currency": account.currency,
                **_answer(balance),
                **({"others": _others(balance)} if others else {}),
            }
            for balance in of_account
        ]
        answer.append(
            {
                "account_id": account.pk,
                "account": account.name,
                "venue": account.venue,
                "pools": pools,
            }
        )
    return answer


def _answer(balance: ObservedBalance) -> dict[str, Any]:
    if isinstance(balance.answer, Observation):
        return {
            "amount": with_decimals(balance.answer.amount, balance.account.currency),
            "observed_at": balance.answer.observed_at,
            "error": None,
        }
    return {
        "amount": None,
        "observed_at": None,
        "error": f"{balance.answer.code}: {sentence(balance.answer)}",
    }


def _others(balance: ObservedBalance) -> dict[str, Decimal]:
    return {name: with_decimals(amount, name) for name, amount in balance.others.items()}


def _time(balance: ObservedBalance) -> str:
    if not isinstance(balance.answer, Observation):
        return "—"
    return f"{timezone.localtime(balance.answer.observed_at):%Y-%m-%d %H:%M:%S}"


def _problem(balance: ObservedBalance) -> str:
    reason = balance.answer
    return "" if isinstance(reason, Observation) else f"{sentence(reason)} ({reason.code})"


def _table(balances: list[ObservedBalance]) -> Table:
    table = Table(header_style="bold")
    table.add_column(_("Account"), overflow="fold")
    table.add_column(_("Exchange"), no_wrap=True)
    table.add_column(_("Pool"), no_wrap=True)
    table.add_column(_("Balance"), justify="right", overflow="fold")
    table.add_column(_("Observed at"), overflow="fold")
    table.add_column(_("Error"), overflow="fold", min_width=20, ratio=1)
    for account, of_account in groupby(balances, key=lambda balance: balance.account):
        name, venue = account.name, account.venue
        for balance in of_account:
            answer = _answer(balance)
            amount = grouped(answer["amount"])
            table.add_row(
                name,
                venue,
                pool_name(balance.pool),
                amount if answer["amount"] is None else f"{amount} {account.currency}",
                _time(balance),
                Text(_problem(balance), style="red"),
            )
            name = venue = ""
            for coin, held in _others(balance).items():
                table.add_row("", "", "", Text(f"{grouped(held)} {coin}", style="dim"), "", "")
        table.add_section()
    return table
