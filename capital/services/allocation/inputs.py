"""What a run was decided on, as it is stored, for the gate to compare with."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Q, Subquery

from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.gate import Inputs, LinkState
from capital.domain.allocation.links import Reserve
from capital.domain.balances import PoolReading
from capital.domain.money import EXACT, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.models import Account, AllocationRun
from capital.services.accounts.linked import LinkedAccount

# A run that failed, was held or found no balance allocated nothing: it is nothing to compare with.
_ALLOCATED = Q(outcome__in=[Outcome.APPLIED.value, Outcome.UNCHANGED.value]) | Q(
    outcome=Outcome.SKIPPED.value, code=Code.NOTHING_TO_ALLOCATE.value
)


def inputs_of(case: LinkedAccount, readings: Mapping[Pool, PoolReading]) -> Inputs:
    """What a decision of now rests on."""
    return Inputs(
        links={
            link.id: LinkState(link.strategy_key, link.weight, link.idle) for link in case.links
        },
        reserve=Reserve(case.account.reserve_percent, case.account.reserve_amount),
        balances={
            pool: reading.amount for pool, reading in readings.items() if reading.amount is not None
        },
    )


def load_inputs(account_ids: Sequence[int]) -> dict[int, Inputs]:
    """The basis of each account's last run that allocated, in two queries; none is left out."""
    keys = [key for key in last_allocations(account_ids).values() if key is not None]
    rows = AllocationRun.objects.filter(pk__in=keys).values_list("account_id", "basis")
    return {account_id: inputs_from_json(stored) for account_id, stored in rows}


def last_allocations(account_ids: Sequence[int]) -> dict[int, int | None]:
    """The primary key of each account's last run that allocated, in one query."""
    runs = AllocationRun.objects.filter(_ALLOCATED, account=OuterRef("pk"), basis__isnull=False)
    last = Account.objects.filter(pk__in=account_ids).annotate(
        # By primary key: the account's lock put the runs in this order, whatever clocks said.
        last_run=Subquery(runs.order_by("-pk").values("pk")[:1])
    )
    return dict(last.values_list("pk", "last_run"))


def inputs_as_json(basis: Inputs) -> dict[str, Any]:
    """For the run's column; amounts as text."""
    return {
        "links": {
            str(key): {
                "strategy": link.strategy_key,
                "weight": plain(EXACT.normalize(link.weight)),
                "idle": link.idle,
            }
            for key, link in basis.links.items()
        },
        "reserve": {
            "percent": plain(EXACT.normalize(basis.reserve.percent)),
            "amount": plain(EXACT.normalize(basis.reserve.amount)),
        },
        "balances": {pool.value: plain(amount) for pool, amount in basis.balances.items()},
    }


def inputs_from_json(stored: dict[str, Any]) -> Inputs:
    """What ``inputs_as_json`` gave."""
    return Inputs(
        links={
            int(key): LinkState(
                link["strategy"],
                Decimal(link["weight"]),
                None if link["idle"] is None else Code(link["idle"]),
            )
            for key, link in stored["links"].items()
        },
        reserve=Reserve(
            Decimal(stored["reserve"]["percent"]), Decimal(stored["reserve"]["amount"])
        ),
        balances={Pool(pool): Decimal(amount) for pool, amount in stored["balances"].items()},
    )
