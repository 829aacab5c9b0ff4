"""What weights would come to, as the editor's page writes it: exact amounts, as text."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.translation import gettext

from capital.admin.frame.formats import age, change, digits, money, percent
from capital.domain.allocation.decision import Outcome
from capital.domain.money import ROUNDED
from capital.domain.reasons import Code
from capital.services.allocation import EntryReport, Foreseen, PoolReport, RunReport
from capital.services.labels import POOL_NAMES
from capital.services.sentences import sentence_of

_TENTH = Decimal("0.1")
_DECIDED = (Outcome.APPLIED.value, Outcome.UNCHANGED.value)


def told_foreseen(foreseen: Foreseen, *, now: datetime) -> dict[str, Any]:
    """What the page writes into its cells; the browser calculates nothing."""
    report = foreseen.report
    entries = {entry.strategy: (pool, entry) for pool in report.pools for entry in pool.entries}
    return {
        "links": {
            str(key): {**_share(foreseen.shares.get(key)), **_money(entries.get(name), report)}
            for key, name in foreseen.keys.items()
        },
        "pools": {pool.pool: _facts(pool, report, now) for pool in report.pools},
        "notice": "" if report.outcome in _DECIDED else report.reason,
        "told": _told(report),
    }


def width(share: Decimal | None) -> str:
    """Of a bar, in percent."""
    if share is None:
        return "0"
    return str(share.quantize(_TENTH, ROUND_HALF_UP, ROUNDED))


def _share(share: Decimal | None) -> dict[str, str]:
    return {"share": percent(share), "width": width(share)}


def _money(found: tuple[PoolReport, EntryReport] | None, report: RunReport) -> dict[str, str]:
    """Before → after, and why the amount is not the share, where something says so."""
    if found is None:
        return {}
    pool, entry = found
    difference = entry.change or Decimal(0)
    return {
        "before": digits(entry.before, report.currency),
        "after": digits(entry.after, report.currency),
        "change": change(difference, report.currency) if difference else "",
        "direction": "" if not difference else "up" if difference > 0 else "down",
        "why": "" if _is_told(entry.code) else pool.reason_of(entry),
    }


def _is_told(code: str) -> bool:
    """Whether there is nothing to add: its share it is, or why it is idle stands below its name."""
    found = Code.get(code)
    return found is not None and (found is Code.SHARE or found.is_idle)


def _facts(pool: PoolReport, report: RunReport, now: datetime) -> str:
    """The balance that is divided, with its age, and what stays unallocated of it."""
    if pool.balance is None:
        return pool.reason
    when = age(pool.observed_at, now=now)
    facts = [f"{gettext('balance')} {money(pool.balance, report.currency)} ({when})"]
    facts += [
        f"{name} {money(amount, report.currency)}"
        for name, amount in (
            (gettext("coins held"), pool.holdings),
            (gettext("reserve"), pool.reserve),
            (gettext("unallocated"), pool.unallocated),
        )
        if amount
    ]
    if pool.skipped:
        facts.append(sentence_of(pool.code, pool.figures))
    return " · ".join(facts)


def _told(report: RunReport) -> str:
    """The whole in one sentence, for who cannot see the cells change."""
    moved = [
        f"{POOL_NAMES[pool.pool]}: {entry.strategy} "
        f"{digits(entry.before, report.currency)} → {digits(entry.after, report.currency)}"
        for pool in report.pools
        for entry in pool.entries
        if entry.change
    ]
    return "; ".join(moved) or gettext("No capital would move.")
