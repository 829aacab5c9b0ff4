"""What a run follows from, as it is stored with the run and told.

Reasons call strategies by their keys, by which programs know them. A person reads their names:
``StrategyNames`` puts them into the sentences, and nothing that is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from capital.domain.reasons import Code, Reason
from capital.models import AllocationRun, ChangedRow, SettingChange
from capital.services.sentences import sentence
from strategies.models import Strategy

# In ``AllocationRun.arguments``, beside what a second use of the run key must match.
CAUSES = "causes"
# The figure of a reason that lists keys.
_LISTED = "strategies"
_BETWEEN = ", "
# Between the key of a strategy and the name of its account; no key has a blank.
_ON = " @ "


def causes_as_json(causes: Sequence[Reason]) -> dict[str, Any]:
    """What is stored beside the arguments of a run that follows from something known."""
    return {CAUSES: [{"code": each.code.value, "figures": dict(each.figures)} for each in causes]}


def causes_of(arguments: Mapping[str, Any]) -> list[Reason]:
    """What a run with these arguments follows from, as far as this version knows it."""
    stored = arguments.get(CAUSES, ())
    return [
        Reason(code, each["figures"])
        for each in stored
        if (code := Code.get(each["code"])) is not None
    ]


@dataclass(frozen=True)
class StrategyNames:
    """What strategies are called that reasons name by their keys.

    Attributes:
        known: By key, the name, and since when the strategy has had that key.
    """

    known: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)

    @classmethod
    def of(cls, reasons: Iterable[Reason], keys: Iterable[str] = ()) -> "StrategyNames":
        """The names for these reasons, and of more keys, in one query; none for none."""
        wanted = {*keys, *(key for reason in reasons for key in _keys(reason))}
        if not wanted:
            return cls()
        given = SettingChange.objects.filter(
            row=ChangedRow.STRATEGY, strategy=OuterRef("pk"), values__has_key="key"
        )
        newest = given.order_by("-created_at").values("created_at")[:1]
        rows = Strategy.objects.filter(key__in=wanted).annotate(key_since=Subquery(newest))
        columns = rows.values_list("key", "name", "created_at", "key_since")
        return cls({key: (name, taken or made) for key, name, made, taken in columns})

    @classmethod
    def of_records(
        cls, runs: Iterable[AllocationRun] = (), changes: Iterable[SettingChange] = ()
    ) -> "StrategyNames":
        """The names for what runs follow from and for recorded changes of links, in one query."""
        runs = list(runs)
        keys = {key for run in runs for key in run.arguments.get("weights", ())}
        keys |= {key for change in changes if (key := _key_and_account(change)[0])}
        return cls.of((cause for run in runs for cause in causes_of(run.arguments)), keys)

    def name(self, key: str, at: datetime) -> str:
        """What the strategy is called that had this key then.

        The key itself where it is gone, or where another one has taken its key since.
        """
        name, since = self.known.get(key, (key, at))
        return name if since <= at else key

    def sentence(self, reason: Reason, at: datetime) -> str:
        """What the reason said at that moment, with the names of the strategies."""
        if _LISTED not in reason.figures:
            return sentence(reason)
        names = _BETWEEN.join(self.name(key, at) for key in _keys(reason))
        return sentence(replace(reason, figures={**reason.figures, _LISTED: names}))

    def causes(self, run: AllocationRun) -> list[str]:
        """What a run follows from, as sentences in the reader's language."""
        return [self.sentence(cause, run.created_at) for cause in causes_of(run.arguments)]

    def of_change(self, change: SettingChange) -> str:
        """What was changed; of a strategy on an account with the strategy's name for its key."""
        key, account = _key_and_account(change)
        return f"{self.name(key, change.created_at)}{_ON}{account}" if key else change.name


def _keys(reason: Reason) -> list[str]:
    listed = reason.figures.get(_LISTED, "")
    return listed.split(_BETWEEN) if listed else []


def _key_and_account(change: SettingChange) -> tuple[str, str]:
    """Of a link, as ``StrategyAccount.recorded_name`` writes them; else two empty texts."""
    if change.row != ChangedRow.LINK or _ON not in change.name:
        return "", ""
    key, _, account = change.name.partition(_ON)
    return key, account


def told_causes(arguments: Mapping[str, Any]) -> list[str]:
    """What a run follows from, as sentences with the keys that programs know."""
    return [sentence(cause) for cause in causes_of(arguments)]
