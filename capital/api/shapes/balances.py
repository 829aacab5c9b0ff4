"""JSON of live balances, connection checks, and whether a reallocation is due."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from capital.api.shapes.answers import notices
from capital.domain.balances import Observation
from capital.domain.money import amount_text, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Reason
from capital.services.allocation import GateStatus
from capital.services.balances import ConnectionReport, ObservedBalance
from capital.services.sentences import sentence


def connection_as_json(report: ConnectionReport) -> dict[str, Any]:
    """The JSON that ``answers.Connection`` describes."""
    return {
        "account": report.account.pk,
        "account_name": report.account.name,
        "venue": report.account.venue,
        "checked_at": timezone.localtime(report.checked_at).isoformat(),
        "is_sound": report.sound,
        "pools": [
            {
                "pool": pool.pool.value,
                "amount": None if pool.amount is None else plain(pool.amount),
                "observed_at": pool.observed_at
                and timezone.localtime(pool.observed_at).isoformat(),
                "code": "live_balance" if pool.reason is None else pool.reason.code.value,
                "reason": "" if pool.reason is None else sentence(pool.reason),
                "advice": None if pool.advice is None else sentence(pool.advice),
            }
            for pool in report.pools
        ],
        "notices": notices(report.notices),
    }


def gate_status_as_json(status: GateStatus) -> dict[str, Any]:
    """The JSON that ``answers.RebalanceStatus`` describes."""
    account = status.account
    checked_at = account.last_checked_at
    return {
        "account": account.pk,
        "account_name": account.name,
        "due": status.due,
        "code": status.reason.code.value,
        "figures": dict(status.reason.figures),
        "reason": sentence(status.reason),
        "is_held": status.is_held,
        "held": _by_pool(status.held),
        "suspects": _by_pool(status.suspects),
        "observed_at": timezone.localtime(status.observed_at).isoformat(),
        "last_checked_at": checked_at and timezone.localtime(checked_at).isoformat(),
        "last_check_code": account.last_check_code,
    }


def live_pool_as_json(balance: ObservedBalance) -> dict[str, Any]:
    """The JSON that ``answers.LivePool`` describes."""
    answer = balance.answer
    shown = {"pool": balance.pool.value, "currency": balance.account.currency}
    if isinstance(answer, Observation):
        return {
            **shown,
            "amount": amount_text(answer.amount, balance.account.currency),
            "observed_at": timezone.localtime(answer.observed_at).isoformat(),
            "code": "live_balance",
            "reason": "",
        }
    reason = {"code": answer.code.value, "reason": sentence(answer)}
    return {**shown, "amount": None, "observed_at": None, **reason}


def _by_pool(reasons: Mapping[Pool, Reason]) -> list[dict[str, Any]]:
    return [
        {
            "pool": pool.value,
            "code": reason.code.value,
            "figures": dict(reason.figures),
            "reason": sentence(reason),
        }
        for pool, reason in reasons.items()
    ]
