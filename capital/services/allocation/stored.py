"""What a plan rests on, as it is kept between showing it and applying it."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from capital.domain.allocation.gate import configuration_change
from capital.domain.balances import Observation, PoolReading, Source
from capital.domain.money import parse_amount, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.accounts.linked import LinkedAccount
from capital.services.allocation.inputs import inputs_as_json, inputs_from_json, inputs_of
from capital.services.balances.readings import JudgedReadings, Suspect


def rests_on(
    case: LinkedAccount,
    judged: JudgedReadings,
    *,
    has_open_position: bool,
    last_run: int | None,
    accepts: Iterable[Pool] = (),
) -> dict[str, Any]:
    """Everything but the readings that the decision depends on. It shows no secret.

    Args:
        case: The account with its links.
        judged: What is believed of its pools.
        has_open_position: On any link.
        last_run: The last one that allocated.
        accepts: The pools whose believed balance was suspect.
    """
    return {
        "settings": _fingerprint(case.account),
        "basis": inputs_as_json(inputs_of(case, judged.readings)),
        "capital": {
            str(link.id): None if link.capital is None else plain(link.capital)
            for link in case.links
        },
        "open_position": has_open_position,
        "suspects": _amounts(case.account.suspect_readings),
        "accepts": {
            pool.value: plain(judged.believed[pool].amount)
            for pool in accepts
            if pool in judged.believed
        },
        "last_run": last_run,
    }


def what_changed(
    then: Mapping[str, Any], now: Mapping[str, Any], *, case: LinkedAccount, judged: JudgedReadings
) -> Reason | None:
    """The first thing that is not as it was; None where everything is.

    Args:
        then: What ``rests_on`` gave when the plan was made.
        now: What it gives under the lock.
        case: As it is now.
        judged: The plan's readings: what it found suspect itself may be known by now.
    """
    if now["settings"] != then["settings"]:
        return Reason(Code.SETTINGS_CHANGED)
    changed = configuration_change(inputs_from_json(now["basis"]), inputs_from_json(then["basis"]))
    if changed is not None:
        return changed
    if now["last_run"] != then["last_run"]:
        return Reason(Code.LATER_RUN, {"run": str(now["last_run"])})
    keys = [
        link.strategy_key
        for link in case.links
        if now["capital"][str(link.id)] != then["capital"][str(link.id)]
    ]
    if keys:
        return Reason(Code.CAPITAL_CHANGED, {"strategies": ", ".join(keys)})
    if now["open_position"] != then["open_position"]:
        return Reason(Code.POSITIONS_CHANGED)
    if now["suspects"] not in _suspects_foreseen(then["suspects"], then["accepts"], judged):
        return Reason(Code.SUSPECTS_CHANGED)
    return None


def judged_as_json(judged: JudgedReadings) -> dict[str, Any]:
    """For a plan's column; amounts as text, times as ISO 8601."""
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
            }
            for pool, each in judged.suspects.items()
        },
    }


def judged_from_json(stored: Mapping[str, Any]) -> JudgedReadings:
    """What ``judged_as_json`` gave."""
    return JudgedReadings(
        readings={Pool(pool): _reading(Pool(pool), each) for pool, each in _of(stored, "readings")},
        believed={Pool(pool): _observation(each) for pool, each in _of(stored, "believed")},
        suspects={
            Pool(pool): Suspect(
                _observation(each),
                parse_amount(each["accepted"]),
                is_known=each["is_known"],
                is_recorded=each["is_recorded"],
            )
            for pool, each in _of(stored, "suspects")
        },
    )


def _fingerprint(account: Account) -> str:
    """Tells another venue, wallet, key or state. Of keys it takes what is stored: encrypted."""
    *of_wallet, credentials = account.reading_depends_on
    assert isinstance(credentials, tuple)
    tokens = [getattr(each, "token", each) for each in credentials]
    told = repr((account.is_active, of_wallet, tokens))
    return hashlib.sha256(told.encode()).hexdigest()


def _suspects_foreseen(
    then: dict[str, str], accepted: dict[str, str], judged: JudgedReadings
) -> tuple[Mapping[str, str], ...]:
    """What may be suspect on the account without changing anything that the plan shows."""
    found = {pool.value: plain(each.observation.amount) for pool, each in judged.suspects.items()}
    cleared = {pool: amount for pool, amount in then.items() if Pool(pool) not in judged.believed}
    # As it was; as applying leaves it; and with what is accepted noticed by somebody else first.
    return then, {**cleared, **found}, {**then, **accepted}


def _amounts(suspects: Mapping[str, Any]) -> dict[str, str]:
    """By pool. Not the times: a balance that is seen again is the same one."""
    return {pool: stored["amount"] for pool, stored in suspects.items()}


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
