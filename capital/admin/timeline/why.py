"""Why an amount of capital is what it is: its arithmetic, its reading, its cause and its run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext

from capital.admin.allocation.runs import told_cause
from capital.admin.frame.cells import instant, sentence_with
from capital.admin.frame.formats import change, money, number, ratio, span
from capital.domain.money import EXACT, plain, quantum_of
from capital.models import AllocationPool, AllocationRun
from capital.services.allocation import tell_steps
from capital.services.labels import POOL_NAMES, SOURCE_NAMES
from capital.services.overview import (
    CapitalAt,
    Record,
    checked_again,
    exact_share,
    steps_of,
)

_RUNS = "capital.view_allocationrun"


@dataclass(frozen=True)
class Figure:
    """One line of the arithmetic."""

    name: Any
    text: str
    note: str = ""
    is_result: bool = False


@dataclass(frozen=True)
class Explanation:
    """What a popover, and a page, say of one amount.

    Attributes:
        amount: With its currency; a dash where there is none.
        where: Strategy, account and pool.
        reason: One sentence.
        figures: From the balance to what is divided.
        steps: From there to the amount, each as a sentence.
        rounding: What rounding did; empty where it came out even.
        moved: What it was before, and what changed; empty without a run.
        cause: What asked for it, and who.
        run: The allocation that decided; None where none is on record.
        run_url: Of its page; empty where the user may not see it.
        notes: What else there is to know: taken back later, looked at again.
    """

    amount: str
    where: str
    reason: str
    figures: Sequence[Figure] = ()
    steps: Sequence[str] = ()
    rounding: str = ""
    moved: str = ""
    cause: Sequence[str] = ()
    run: AllocationRun | None = None
    run_url: str = ""
    notes: Sequence[str] = ()


def explain(answer: CapitalAt, user: AbstractUser) -> Explanation:
    """All of it, from what the run recorded; one more query for a look that changed nothing."""
    currency = answer.link.account.currency
    amount = money(answer.amount, currency)
    where = f"{answer.link.strategy.name} · {answer.link.account.name}"
    entry, run = answer.entry, answer.run
    if entry is None or run is None:
        return Explanation(amount, where, short_reason(answer))
    steps = steps_of(answer)
    return Explanation(
        amount=amount,
        where=f"{where} · {POOL_NAMES.get(entry.pool.pool, entry.pool.pool)}",
        reason=answer.reason,
        figures=list(_figures(entry.pool, run, currency, entry.weight)),
        steps=tell_steps(steps, currency),
        rounding=_rounding(exact_share(steps, answer.amount, currency), answer.amount, currency),
        moved=_moved(entry.before, entry.after, currency),
        cause=told_cause(run),
        run=run,
        run_url=reverse("admin:capital_allocationrun_change", args=[run.pk])
        if user.has_perm(_RUNS)
        else "",
        notes=list(_notes(answer)),
    )


def short_reason(answer: CapitalAt) -> str:
    """One sentence, for a line of a table."""
    match answer.record:
        case Record.DECIDED:
            return answer.reason
        case Record.FOUND:
            return gettext("The allocation that set it is not in the database any more.")
        case Record.ARCHIVED:
            return gettext("The allocations of this time are in archive files.")
    return gettext("Nothing had been allocated to it yet.")


def _figures(
    pool: AllocationPool, run: AllocationRun, currency: str, weight: Decimal
) -> Iterator[Figure]:
    balance = Decimal(pool.reading) if pool.reading else None
    holdings = Decimal(pool.holdings) if pool.holdings else None
    yield Figure(gettext("Balance"), money(balance, currency), _reading(pool, run.created_at))
    if holdings is not None:
        yield Figure(gettext("Coins held"), f"+ {money(holdings, currency)}")
    if pool.reserve is not None:
        note = _reserve_rule(run.basis or {}, currency)
        yield Figure(gettext("Reserve"), f"− {money(pool.reserve, currency)}", note)
        if balance is not None:
            base = EXACT.subtract(EXACT.add(balance, holdings or Decimal(0)), pool.reserve)
            yield Figure(gettext("To allocate"), f"= {money(base, currency)}", is_result=True)
    yield Figure(gettext("Weight"), ratio(weight))


def _reading(pool: AllocationPool, decided_at: datetime) -> str:
    source = str(SOURCE_NAMES.get(pool.source, pool.source))
    if pool.observed_at is None:
        return source
    # Clocks of two machines may differ.
    before = max(decided_at, pool.observed_at) - pool.observed_at
    age = sentence_with(
        gettext("read %(time)s, %(span)s before the allocation"),
        time=instant(pool.observed_at),
        # A number stays beside its unit.
        span=span(before).replace(" ", "\N{NO-BREAK SPACE}"),
    )
    return format_html("{} · {}", source, age)


def _reserve_rule(inputs: Mapping[str, Any], currency: str) -> str:
    """By what it was reckoned; empty for none, and for a run that kept no inputs."""
    reserve = inputs.get("reserve", {})
    percent, amount = Decimal(reserve.get("percent", 0)), Decimal(reserve.get("amount", 0))
    told = [f"{ratio(percent)}%"] if percent else []
    told += [money(amount, currency)] if amount else []
    if len(told) == 2:
        figures = {"percent": told[0], "amount": told[1]}
        return gettext("%(percent)s, at least %(amount)s") % figures
    return "".join(told)


def _rounding(exact: Decimal | None, amount: Decimal | None, currency: str) -> str:
    if exact is None:
        return ""
    figures = {
        "exact": number(exact),
        "amount": money(amount, currency),
        "unit": plain(quantum_of(currency)),
    }
    return (
        gettext(
            "%(exact)s, rounded to units of %(unit)s: %(amount)s. Units that are left over go to "
            "the largest remainders."
        )
        % figures
    )


def _moved(before: Decimal | None, after: Decimal | None, currency: str) -> str:
    if after is None:
        return ""
    difference = EXACT.subtract(after, before or Decimal(0))
    return f"{money(before, currency)} → {money(after, currency)} ({change(difference, currency)})"


def _notes(answer: CapitalAt) -> Iterator[str]:
    if answer.reverted_by is not None:
        yield sentence_with(
            gettext("This allocation was reverted by #%(run)s on %(time)s."),
            time=instant(answer.reverted_by.created_at),
            run=answer.reverted_by.pk,
        )
    again = checked_again(answer, clock=timezone.now)
    if again is not None:
        yield sentence_with(
            gettext("Checked again on %(time)s: nothing had to change."),
            time=instant(again.created_at),
        )
