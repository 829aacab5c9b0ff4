"""The inputs of a decision: compared by the gate, and before a plan is applied."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.gate import Inputs, LinkState, Settled, configuration_change
from capital.domain.allocation.policies.contract import Known
from capital.domain.balances import PoolReading
from capital.domain.money import plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, AllocationRun
from capital.models.queries.compiled import CompiledQuery
from capital.models.queries.given import Given
from capital.services.accounts.linked import LinkedAccount
from capital.services.allocation.policies.kept import inputs_as_json, inputs_from_json
from capital.services.balances.readings import JudgedReadings

# A run that failed, was held or found no balance allocated nothing, so the gate ignores it.
_CAN_BE_SET = ("links", "reserve", "rules", "held")
_ALLOCATED = Q(outcome__in=[Outcome.APPLIED.value, Outcome.UNCHANGED.value]) | Q(
    outcome=Outcome.SKIPPED.value, code=Code.NOTHING_TO_ALLOCATE.value
)


def inputs_of(
    linked: LinkedAccount,
    readings: Mapping[Pool, PoolReading],
    known: Known | None = None,
    settled: Mapping[Pool, Settled] | None = None,
    settled_before: Mapping[Pool, Settled] | None = None,
    held: Mapping[Pool, Inputs | None] | None = None,
) -> Inputs:
    """The inputs of a decision that is made now.

    Args:
        linked: The account with its links.
        readings: The balances that are divided.
        known: What the policy had to know.
        settled: From where earnings count after the decision, by pool.
        settled_before: From where they counted before it.
        held: What the pools that are held were decided on before.
    """
    return Inputs(
        links={
            link.id: LinkState(
                link.strategy_key,
                link.weight,
                link.idle,
                # An idle link has no share that could stay unallocated.
                stopped=link.is_stopped and link.idle is None,
                bounds=link.bounds,
            )
            for link in linked.links
        },
        reserve=linked.division["reserve"],
        balances=_balances(readings),
        rules=linked.rules,
        known=known or Known(),
        aside={link.id: link.set_aside for link in linked.links if link.set_aside},
        settled=settled or {},
        settled_before=settled_before or {},
        held=held or {},
    )


def decided_before(
    linked: LinkedAccount, last: Inputs | None, held: Iterable[Pool]
) -> dict[Pool, Inputs | None]:
    """What the pools that stay as they are were decided on, for when they no longer do."""
    before: dict[Pool, Inputs | None] = {}
    for pool in held:
        then = None if last is None else last.of(pool)
        if then is not None:
            part = then.in_pools({pool}, linked.pool_of)
            restored = then.restored & {pool}
            then = Inputs(part.links, part.reserve, part.balances, part.rules, restored=restored)
        before[pool] = then
    return before


def inputs_after_revert(
    last: Inputs,
    readings: Mapping[Pool, PoolReading],
    reverted: Mapping[str, Any] | None = None,
) -> Inputs:
    """The inputs to compare with after a revert: the last run's, with the current balance.

    A revert considers no new changes: a change that no run has considered yet is still due. What
    was earned and what came from outside counts again from where it did before the reverted run.
    What each link has is its own again, whatever the last run took it for.

    Args:
        last: Of the last run that allocated.
        readings: The pools in which capital is restored.
        reverted: What the reverted run kept of its inputs.
    """
    after = replace(
        last,
        balances={**last.balances, **_balances(readings)},
        restored=last.restored | readings.keys(),
    )
    before = {} if reverted is None else inputs_from_json(reverted).settled_before
    restored = {pool: before[pool] for pool in readings if pool in before}
    return replace(after, settled={**last.settled, **restored}) if restored else after


def _balances(readings: Mapping[Pool, PoolReading]) -> dict[Pool, Decimal]:
    return {pool: total for pool, each in readings.items() if (total := each.total) is not None}


def load_last_inputs(account_ids: Sequence[int]) -> dict[int, Inputs]:
    """The same as ``load_inputs``, in one query: for few accounts."""
    runs = AllocationRun.objects.filter(_ALLOCATED, account=OuterRef("pk"), basis__isnull=False)
    rows = Account.objects.filter(pk__among=account_ids).annotate(
        last_basis=Subquery(runs.order_by("-pk").values("basis")[:1])
    )
    return {
        key: inputs_from_json(stored)
        for key, stored in rows.values_list("pk", "last_basis")
        if stored is not None
    }


def load_inputs(account_ids: Sequence[int]) -> dict[int, Inputs]:
    """The inputs of each account's last run that allocated, in two queries.

    Accounts without such a run are left out.
    """
    keys = [key for key in last_allocations(account_ids).values() if key is not None]
    return {account_id: inputs_from_json(stored) for account_id, stored in _BASES.rows(keys)}


_BASES = CompiledQuery(
    lambda keys: AllocationRun.objects.filter(pk__among=keys).values_list("account_id", "basis")
)


def load_settings_of_last(account_ids: Sequence[int]) -> dict[int, Inputs]:
    """Of the inputs of ``load_inputs`` what somebody can set: links, reserve, rules, what was held.

    Most of what a run keeps is none of that, and takes as long to read as the whole comparison.
    """
    keys = [key for key in last_allocations(account_ids).values() if key is not None]
    return {
        account_id: inputs_from_json({"balances": {}, **_given(_CAN_BE_SET, stored)})
        for account_id, *stored in _SETTINGS.rows(keys)
    }


_SETTINGS = CompiledQuery(
    lambda keys: (
        AllocationRun.objects.filter(pk__among=keys)
        .order_by()
        .values_list("account_id", *(f"basis__{part}" for part in _CAN_BE_SET))
    )
)


def _given(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    return {name: each for name, each in zip(names, values, strict=True) if each is not None}


def last_allocations(account_ids: Sequence[int]) -> dict[int, int | None]:
    """The primary key of each account's last run that allocated, in one query."""
    return dict(_LAST_RUNS.rows(account_ids))


def _last_runs(account_ids: Given) -> QuerySet[Account, Any]:
    runs = AllocationRun.objects.filter(_ALLOCATED, account=OuterRef("pk"), basis__isnull=False)
    last = Account.objects.filter(pk__among=account_ids).annotate(
        # By primary key: runs are made under the account's lock, and clocks may disagree.
        last_run=Subquery(runs.order_by("-pk").values("pk")[:1])
    )
    return last.order_by().values_list("pk", "last_run")


_LAST_RUNS = CompiledQuery(_last_runs)


def rests_on(
    linked: LinkedAccount,
    judged: JudgedReadings,
    *,
    held: Iterable[Pool],
    positions: Mapping[str, str],
    last_run: int | None,
    accepts: Iterable[Pool] = (),
) -> dict[str, Any]:
    """Everything that the decision depends on, except the readings. It contains no secret.

    Args:
        linked: The account with its links, as they are now.
        judged: Its readings.
        held: The pools that an open position holds.
        positions: What its links hold, where that decides what they have in use.
        last_run: The primary key of the last run that allocated.
        accepts: The pools of which a suspect balance is accepted.
    """
    return {
        "settings": _fingerprint(linked.account),
        "basis": inputs_as_json(inputs_of(linked, judged.readings)),
        "capital": {
            str(link.id): None if link.capital is None else plain(link.capital)
            for link in linked.links
        },
        "held": sorted(pool.value for pool in held),
        "positions": dict(positions),
        "suspects": _amounts(linked.account.suspect_readings),
        "accepts": {
            pool.value: plain(judged.believed[pool].amount)
            for pool in accepts
            if pool in judged.believed
        },
        "last_run": last_run,
    }


def what_changed(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    linked: LinkedAccount,
    judged: JudgedReadings,
) -> Reason | None:
    """The first change since the plan was made; None if there is none.

    Args:
        then: The result of ``rests_on`` when the plan was made.
        now: Its result under the lock.
        linked: As it is now.
        judged: The plan's readings. Balances that were suspect then may have been stored since.
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
        for link in linked.links
        if now["capital"][str(link.id)] != then["capital"][str(link.id)]
    ]
    if keys:
        return Reason(Code.CAPITAL_CHANGED, {"strategies": ", ".join(keys)})
    # A plan that an earlier version made says neither.
    if any(now[name] != then.get(name) for name in ("held", "positions")):
        return Reason(Code.POSITIONS_CHANGED)
    if now["suspects"] not in _suspects_foreseen(then["suspects"], then["accepts"], judged):
        return Reason(Code.SUSPECTS_CHANGED)
    return None


def _fingerprint(account: Account) -> str:
    """A digest of venue, wallet, state and credentials; of these the encrypted text is used."""
    *of_wallet, credentials = account.reading_depends_on
    assert isinstance(credentials, tuple)
    tokens = [getattr(each, "token", each) for each in credentials]
    told = repr((account.is_active, of_wallet, tokens))
    return hashlib.sha256(told.encode()).hexdigest()


def _suspects_foreseen(
    then: dict[str, str], accepted: dict[str, str], judged: JudgedReadings
) -> tuple[Mapping[str, str], ...]:
    """The suspect balances with which the plan may still be applied as it was shown."""
    found = {pool.value: plain(each.observation.amount) for pool, each in judged.suspects.items()}
    cleared = {pool: amount for pool, amount in then.items() if Pool(pool) not in judged.believed}
    # As it was; as applying the plan leaves it; and with the accepted balances stored by a sync.
    return then, {**cleared, **found}, {**then, **accepted}


def _amounts(suspects: Mapping[str, Any]) -> dict[str, str]:
    """The amounts by pool, without times: the same balance may be read again."""
    return {pool: stored["amount"] for pool, stored in suspects.items()}
