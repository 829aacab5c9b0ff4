"""Name what verdicts follow from: what differs from the last run, and who made it so.

That somebody made it so is told by the record of changes: the newest row of the same setting must
say what is stored now. What was changed around the services is nobody's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from capital.domain.allocation.causes import Change, changes_since
from capital.domain.allocation.gate import Inputs
from capital.domain.reasons import Code, Reason
from capital.models import (
    BOUND_FIELDS,
    ChangedRow,
    ChangeVerb,
    SettingChange,
    Stop,
    StrategyAccount,
)
from capital.services.access.changes import values_of
from capital.services.accounts.linked import LinkedAccount
from capital.services.allocation.inputs import load_settings_of_last
from capital.services.allocation.request import AllocationRequest
from capital.services.allocation.verdicts import Circumstances, Verdict
from strategies.models import StrategyStatus

# How many of the newest changes are looked at, for each account.
_MOST_CHANGES = 60
_STATUS = {
    Code.STRATEGIES_PAUSED: StrategyStatus.PAUSED,
    Code.STRATEGIES_ARCHIVED: StrategyStatus.ARCHIVED,
    Code.STRATEGIES_ACTIVATED: StrategyStatus.ACTIVE,
}
_RESERVE = ("reserve_percent", "reserve_amount")
_POLICY = (
    "policy",
    "lookback_days",
    "max_unexplained_percent",
    "drift_band_percent",
    "with_open_positions",
    "counts_spot_holdings",
)
_LINKS_FIELDS: dict[Code, tuple[str, ...]] = {
    Code.WEIGHTS_SET: ("weight",),
    Code.BOUNDS_SET: BOUND_FIELDS,
    Code.LINKS_DEACTIVATED: ("is_active",),
    Code.LINKS_ACTIVATED: ("is_active",),
}


def name_causes(
    verdicts: Sequence[Verdict], circumstances: Circumstances, request: AllocationRequest
) -> list[Verdict]:
    """The verdicts, each with what it follows from.

    Where nothing was changed since the last run, it costs no query of a due check, and one or two
    of another request. What a due check found else (the balance changed) is the cause then.
    """
    known = dict(circumstances.last_inputs)
    decided = [each for each in verdicts if each.inputs is not None]
    if not request.if_due:
        missing = [each.linked.account.pk for each in decided]
        missing = [key for key in missing if key not in known]
        known |= load_settings_of_last(missing) if missing else {}
    changes = {
        each.linked.account.pk: _changes(each, known.get(each.linked.account.pk))
        for each in decided
    }
    changed = [each.linked for each in decided if changes[each.linked.account.pk]]
    record = _Record.of(changed) if changed else _Record()
    return [
        replace(each, causes=causes)
        if (causes := _causes(each, changes.get(each.linked.account.pk, ()), record))
        else each
        for each in verdicts
    ]


def _changes(verdict: Verdict, last: Inputs | None) -> list[Change]:
    assert verdict.inputs is not None, "only what was divided is asked about"
    if last is None:
        return []
    return changes_since(last, verdict.inputs, verdict.linked.pool_of)


def _causes(verdict: Verdict, changes: Sequence[Change], record: "_Record") -> tuple[Reason, ...]:
    if not changes:
        return () if verdict.why_due is None else (verdict.why_due,)
    return tuple(record.named(change, verdict.linked) for change in changes)


@dataclass(frozen=True)
class _Told:
    """One row of the record of changes."""

    row: str
    verb: str
    account_id: int | None
    name: str
    strategy: str | None
    user: str | None
    values: Mapping[str, Any]

    def sets(self, field: str) -> bool:
        """Whether it says what the field became."""
        return field in self.values

    def new(self, field: str) -> Any:
        """What the field became."""
        return self.values[field].get("new")


@dataclass(frozen=True)
class _Record:
    """What the record of changes says of some accounts, the newest first.

    Attributes:
        links: The present values of links, by their account and key.
    """

    told: Sequence[_Told] = ()
    links: Mapping[tuple[int, str], Mapping[str, Any]] | None = None
    lifted: Mapping[tuple[int, str], str] | None = None

    @classmethod
    def of(cls, accounts: Sequence[LinkedAccount]) -> "_Record":
        """Of accounts that changed, in three queries."""
        ids = [linked.account.pk for linked in accounts]
        links = StrategyAccount.objects.filter(account__in=ids).select_related("strategy")
        rows = SettingChange.objects.filter(
            Q(account__in=ids, row__in=[ChangedRow.ACCOUNT, ChangedRow.LINK])
            | Q(
                row=ChangedRow.STRATEGY,
                strategy__in=links.order_by().values("strategy"),
            )
        )
        columns = rows.order_by("-pk").values_list(
            "row", "verb", "account_id", "name", "strategy__key", "actor__username", "values"
        )
        fields = {field for fields in _LINKS_FIELDS.values() for field in fields}
        return cls(
            [_Told(*row) for row in columns[: _MOST_CHANGES * len(ids)]],
            {(link.account_id, link.strategy.key): values_of(link, fields) for link in links},
            _who_lifted(ids),
        )

    def named(self, change: Change, linked: LinkedAccount) -> Reason:
        """What changed and who changed it; without them, where nobody is known."""
        if change.code is Code.STOPPED_BY_LIMIT:
            return change.unnamed
        users = [self._who(change.code, key, linked) for key in change.strategies or ("",)]
        known = list(dict.fromkeys(user for user in users if user is not None))
        if not known:
            return change.unnamed
        return Reason(change.code, {"user": ", ".join(known), **change.figures})

    def _who(self, code: Code, key: str, linked: LinkedAccount) -> str | None:
        """A name; empty for the command line, None where nobody knows."""
        account = linked.account
        if code is Code.STOPS_LIFTED:
            return (self.lifted or {}).get((account.pk, key))
        if code in _STATUS:
            return self._first(
                lambda row: (
                    row.row == ChangedRow.STRATEGY and row.strategy == key and row.sets("status")
                ),
                lambda row: row.new("status") == _STATUS[code],
            )
        if code in (Code.RESERVE_SET, Code.POLICY_SET, Code.POLICY_SETTINGS_SET):
            return self._who_set(ChangedRow.ACCOUNT, account.pk, None, *self._of(code, linked))
        name = f"{key} @ {account.name}"[:250]
        if code in (Code.STRATEGIES_LINKED, Code.STRATEGIES_UNLINKED):
            verb = ChangeVerb.CREATED if code is Code.STRATEGIES_LINKED else ChangeVerb.REMOVED
            return self._first(
                lambda row: (
                    row.row == ChangedRow.LINK
                    and (row.account_id, row.name) == (account.pk, name)
                    and row.verb != ChangeVerb.CHANGED
                ),
                lambda row: row.verb == verb,
            )
        return self._who_set(ChangedRow.LINK, account.pk, name, *self._of(code, linked, key))

    def _of(
        self, code: Code, linked: LinkedAccount, key: str = ""
    ) -> tuple[Sequence[str], Mapping[str, Any]]:
        """The fields that a code is about, and what they are now."""
        if code is Code.RESERVE_SET:
            return _RESERVE, values_of(linked.account, _RESERVE)
        if code in (Code.POLICY_SET, Code.POLICY_SETTINGS_SET):
            return _POLICY, values_of(linked.account, _POLICY)
        return _LINKS_FIELDS[code], (self.links or {}).get((linked.account.pk, key), {})

    def _who_set(
        self,
        row: ChangedRow,
        account_id: int,
        name: str | None,
        fields: Sequence[str],
        now: Mapping[str, Any],
    ) -> str | None:
        """Who set these fields last, if they are still what was set."""
        return self._first(
            lambda told: (
                told.row == row
                and told.account_id == account_id
                and (name is None or told.name == name)
                and any(told.sets(field) for field in fields)
            ),
            lambda told: all(
                told.new(field) == now.get(field) for field in fields if told.sets(field)
            ),
        )

    def _first(
        self, is_about: Callable[[_Told], bool], is_so: Callable[[_Told], bool]
    ) -> str | None:
        """Who made the newest change of something, if that is how it is now."""
        newest = next((row for row in self.told if is_about(row)), None)
        if newest is None or not is_so(newest):
            return None
        return newest.user or ""


def _who_lifted(account_ids: Sequence[int]) -> dict[tuple[int, str], str]:
    """Who lifted the last stop by a limit, by account and strategy."""
    of_links = Q(strategy_account__account__in=account_ids)
    stops = Stop.objects.by_limits().filter(Q(account__in=account_ids) | of_links)
    rows = stops.filter(lifted_at__isnull=False).order_by("lifted_at", "pk")
    found: dict[tuple[int, str], str] = {}
    links = StrategyAccount.objects.filter(account__in=account_ids)
    keys = list(links.order_by().values_list("account_id", "strategy__key"))
    columns = ("account_id", "strategy_account__account_id", "strategy_account__strategy__key")
    for account_id, of_link, key, user in rows.values_list(*columns, "lifted_by__username"):
        for whose in [(of_link, key)] if account_id is None else keys:
            if account_id in (None, whose[0]):
                found[whose] = user or ""
    return found
