"""The client order ids of fills that do not tell them: their orders are asked, each once.

What is asked is recorded with the fills: an order of which one is recorded is not asked again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from capital.domain.reasons import Reason
from capital.exchange.trading.contract import Instrument, OrderQuestion, ReadFill
from capital.exchange.trading.rows import Call, FillFields
from capital.models import Account, Fill, StrategyAccount

# Of one answer; what it tells of more orders is recorded without their client order ids.
_MOST = 50

_Order = tuple[str, str]
"""A symbol and the exchange's id of an order."""


@dataclass(frozen=True)
class Unnamed:
    """The orders of some fills that are to be asked for their client order ids.

    Attributes:
        questions: By order.
        known: The client order ids of those that are recorded.
    """

    questions: dict[_Order, OrderQuestion]
    known: dict[_Order, str]

    @classmethod
    def of(
        cls,
        account: Account,
        call: Call[FillFields],
        rows: Sequence[ReadFill],
        instruments: Sequence[Instrument],
    ) -> "Unnamed":
        """Those among these rows, the earliest first. Two queries; none where rows tell their own.

        None is asked where no strategy trades on the account: they could be nobody's only.
        """
        orders = dict.fromkeys(
            (row.symbol, row.order_id)
            for row in sorted(rows, key=lambda row: row.executed_at)
            if row.order_id and not row.client_order_id
        )
        links = StrategyAccount.objects.filter(account=account)
        if call.order is None or not orders or not links.exists():
            return cls({}, {})
        recorded = Fill.objects.filter(
            account=account, order_id__in={order_id for _, order_id in orders}
        ).order_by("pk")
        known: dict[_Order, str] = {}
        for symbol, order_id, name in recorded.values_list("symbol", "order_id", "client_order_id"):
            known[symbol, order_id] = known.get((symbol, order_id)) or name
        named = {each.symbol: each for each in instruments}
        asked = [order for order in orders if order not in known and order[0] in named][:_MOST]
        questions = {order: OrderQuestion(call, named[order[0]], order[1]) for order in asked}
        return cls(questions, known)

    def named(
        self, rows: Sequence[ReadFill], answers: Sequence[str | Reason]
    ) -> tuple[ReadFill, ...]:
        """The rows with what was told; an order that the exchange does not tell has none."""
        names = dict(self.known)
        for order, answer in zip(self.questions, answers, strict=True):
            names[order] = answer if isinstance(answer, str) else ""
        return tuple(
            row
            if row.client_order_id
            else replace(row, client_order_id=names.get((row.symbol, row.order_id), ""))
            for row in rows
        )


def first_failure(
    answers: Sequence[str | Reason], is_passing: Callable[[Reason], bool]
) -> Reason | None:
    """The first failure that will pass: then all is asked again the next time."""
    failures = (each for each in answers if isinstance(each, Reason))
    return next((each for each in failures if is_passing(each)), None)
