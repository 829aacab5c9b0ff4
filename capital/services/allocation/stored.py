"""The shapes of the JSON columns in which decisions are stored."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils import timezone

from capital.domain.allocation.decision import Decision
from capital.domain.allocation.gate import Inputs
from capital.domain.allocation.pools import EntryDecision, PoolDecision
from capital.domain.audit.pools import RecordedEntry, RecordedPool
from capital.domain.balances import Observation, PoolReading, Source
from capital.domain.money import amount_text, parse_amount, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.models.columns.json_text import quoted
from capital.services.allocation.policies.in_use import InUse
from capital.services.allocation.policies.kept import (
    each_step_text,
    steps_from_json,
    weight_text,
)
from capital.services.allocation.report import (
    EntryReport,
    PoolReport,
    RunReport,
    run_report,
)
from capital.services.balances.readings import JudgedReadings
from capital.services.balances.suspects import Suspect

# Names a pool or entry of a snapshot, which has no row.
SNAPSHOT = "snapshot"


def judged_as_json(judged: JudgedReadings, in_use: InUse) -> dict[str, Any]:
    """For a plan's column; amounts as text, times as ISO 8601.

    A person makes a plan, which confirms first balances, so none is unconfirmed.
    """
    return {
        "readings": {
            pool.value: {
                "amount": None if reading.amount is None else plain(reading.amount),
                "source": reading.source.value,
                "observed_at": _moment(reading.observed_at),
                "code": reading.reason.code.value,
                "figures": dict(reading.reason.figures),
            }
            for pool, reading in judged.readings.items()
        },
        "believed": {pool.value: _observed(each) for pool, each in judged.believed.items()},
        "suspects": {
            pool.value: {
                **_observed(each.observation),
                "accepted": plain(each.accepted),
                "is_known": each.is_known,
                "is_recorded": each.is_recorded,
                "is_slide": each.is_slide,
            }
            for pool, each in judged.suspects.items()
        },
        "restarted": sorted(pool.value for pool in judged.restarted),
        "in_use": {
            "links": {str(key): plain(amount) for key, amount in in_use.links.items()},
            "holdings": {pool.value: plain(each) for pool, each in in_use.holdings.items()},
            "unknown": {
                pool.value: {"code": why.code.value, "figures": dict(why.figures)}
                for pool, why in in_use.unknown.items()
            },
        },
    }


def in_use_from_json(stored: Mapping[str, Any]) -> InUse:
    """What ``judged_as_json`` kept of what links have in use."""
    kept = stored.get("in_use", {"links": {}, "holdings": {}, "unknown": {}})
    return InUse(
        links={int(key): parse_amount(amount) for key, amount in _of(kept, "links")},
        holdings={Pool(pool): parse_amount(amount) for pool, amount in _of(kept, "holdings")},
        unknown={
            Pool(pool): Reason(Code(why["code"]), why["figures"])
            for pool, why in _of(kept, "unknown")
        },
    )


def judged_from_json(stored: Mapping[str, Any]) -> JudgedReadings:
    """The inverse of ``judged_as_json``."""
    return JudgedReadings(
        readings={Pool(pool): _reading(Pool(pool), each) for pool, each in _of(stored, "readings")},
        believed={Pool(pool): _observation(each) for pool, each in _of(stored, "believed")},
        suspects={
            Pool(pool): Suspect(
                _observation(each),
                parse_amount(each["accepted"]),
                is_known=each["is_known"],
                is_recorded=each["is_recorded"],
                is_slide=each.get("is_slide", False),
            )
            for pool, each in _of(stored, "suspects")
        },
        restarted={Pool(pool) for pool in stored.get("restarted", ())},
    )


def shown_as_json(
    decision: Decision, currency: str, *, jumps: Iterable[Reason] = ()
) -> dict[str, Any]:
    """For a plan's column: a decision as it is shown before it is applied.

    Args:
        decision: What would be written.
        currency: Of the account.
        jumps: Why each balance that it accepts was suspect.
    """
    return {
        "outcome": decision.outcome.value,
        "code": decision.reason.code.value,
        "figures": dict(decision.reason.figures),
        "pools": pools_as_json(decision, currency),
        "jumps": [{"code": each.code.value, "figures": dict(each.figures)} for each in jumps],
    }


def jumps_from_json(stored: Iterable[Mapping[str, Any]]) -> Iterator[Reason]:
    """Why each balance that a plan accepts was suspect, as ``shown_as_json`` kept it."""
    return (Reason(Code(each["code"]), each["figures"]) for each in stored)


def shown_from_json(account: Account, shown: Mapping[str, Any]) -> RunReport:
    """The inverse of ``shown_as_json``, as a report."""
    return run_report(
        account,
        outcome=shown["outcome"],
        code=shown["code"],
        figures=shown["figures"],
        run_key=None,
        pools=tuple(pool_from_json(stored) for stored in shown["pools"]),
    )


def pools_as_json(decision: Decision, currency: str) -> list[dict[str, Any]]:
    """For a plan's column; amounts as text, times as ISO 8601."""
    zone = timezone.get_current_timezone()
    told: list[dict[str, Any]] = json.loads(pools_text(decision, currency, zone))
    return told


def pools_text(decision: Decision, currency: str, zone: tzinfo) -> str:
    """The same for a run's snapshot, as JSON: there is one for each account.

    It tells what ``report_decision`` does of the pools, with times in ``zone``.
    """
    return f"[{', '.join([_pool_text(pool, currency, zone) for pool in decision.pools])}]"


def _pool_text(pool: PoolDecision, currency: str, zone: tzinfo) -> str:
    reading, figures = pool.reading, pool.reason.figures
    balance = None if reading.source is Source.NONE else reading.amount
    holdings = ""
    if reading.holdings is not None:
        holdings = f', "holdings": {_text(reading.holdings, currency)}'
    entries = [_entry_text(entry, currency) for entry in pool.entries]
    return (
        f'{{"pool": "{reading.pool}", "balance": {_text(balance, currency)}, '
        f'"source": "{reading.source}", "observed_at": {_time_text(reading.observed_at, zone)}, '
        f'"reserve": {_text(pool.reserve, currency)}, '
        f'"unallocated": {_text(pool.unallocated, currency)}, "code": "{pool.reason.code}", '
        f'"figures": {json.dumps(dict(figures)) if figures else "{}"}, '
        f'"entries": [{", ".join(entries)}]{holdings}}}'
    )


def _entry_text(entry: EntryDecision, currency: str) -> str:
    link, after = entry.link, _text(entry.after, currency)
    before = _text(entry.before, currency) if entry.changed else after
    steps = f', "steps": {each_step_text(entry.steps)}' if entry.steps else ""
    return (
        f'{{"strategy": {quoted(link.strategy_key)}, "weight": "{weight_text(link.weight)}", '
        f'"before": {before}, "after": {after}, "code": "{entry.code}"{steps}}}'
    )


def pool_from_json(stored: Mapping[str, Any]) -> PoolReport:
    """One pool written by ``pools_as_json``; what another version did not write is None."""
    observed_at = stored.get("observed_at")
    return PoolReport(
        pool=stored["pool"],
        balance=_decimal(stored.get("balance")),
        holdings=_decimal(stored.get("holdings")),
        source=stored["source"],
        observed_at=observed_at and datetime.fromisoformat(observed_at),
        reserve=_decimal(stored.get("reserve")),
        unallocated=_decimal(stored.get("unallocated")),
        code=stored["code"],
        figures=stored["figures"],
        entries=tuple(
            EntryReport(
                strategy=entry["strategy"],
                weight=Decimal(entry["weight"]),
                before=_decimal(entry.get("before")),
                after=_decimal(entry.get("after")),
                code=entry["code"],
                steps=steps_from_json(entry.get("steps", ())),
            )
            for entry in stored["entries"]
        ),
    )


def recorded_pool_from_json(stored: Mapping[str, Any], inputs: Inputs | None) -> RecordedPool:
    """One pool written by ``pools_as_json``, for the audit: nothing may be missing.

    A snapshot names strategies; the inputs of its run say which links these are.
    """
    links = {} if inputs is None else {link.strategy_key: key for key, link in inputs.links.items()}
    observed_at = stored["observed_at"]
    return RecordedPool(
        row=SNAPSHOT,
        pool=Pool(stored["pool"]),
        balance=_exact(stored["balance"]),
        holdings=_exact(stored.get("holdings")),
        source=Source(stored["source"]),
        observed_at=None if observed_at is None else datetime.fromisoformat(observed_at),
        reserve=_exact(stored["reserve"]),
        unallocated=_exact(stored["unallocated"]),
        entries=tuple(
            RecordedEntry(
                row=SNAPSHOT,
                link_id=links.get(entry["strategy"]),
                weight=parse_amount(entry["weight"]),
                before=_exact(entry["before"]),
                after=_exact(entry["after"]),
                code=entry["code"],
            )
            for entry in stored["entries"]
        ),
    )


def _text(amount: Decimal | None, currency: str) -> str:
    return "null" if amount is None else f'"{amount_text(amount, currency)}"'


# The pools of an account, and the accounts of a batch, have few moments between them.
@lru_cache(maxsize=64)
def _time_text(moment: datetime | None, zone: tzinfo) -> str:
    return "null" if moment is None else f'"{moment.astimezone(zone).isoformat()}"'


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _exact(text: str | None) -> Decimal | None:
    return None if text is None else parse_amount(text)


def _of(stored: Mapping[str, Any], kind: str) -> list[tuple[str, Any]]:
    return list(stored[kind].items())


def _observed(observation: Observation) -> dict[str, str]:
    return {
        "amount": plain(observation.amount),
        "observed_at": observation.observed_at.isoformat(),
    }


def _observation(stored: Mapping[str, str]) -> Observation:
    return Observation(
        parse_amount(stored["amount"]), datetime.fromisoformat(stored["observed_at"])
    )


def _reading(pool: Pool, stored: Mapping[str, Any]) -> PoolReading:
    amount, observed_at = stored["amount"], stored["observed_at"]
    return PoolReading(
        pool=pool,
        amount=None if amount is None else parse_amount(amount),
        source=Source(stored["source"]),
        observed_at=None if observed_at is None else datetime.fromisoformat(observed_at),
        reason=Reason(Code(stored["code"]), stored["figures"]),
    )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
