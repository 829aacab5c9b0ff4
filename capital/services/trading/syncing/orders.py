"""The client order ids of fills that do not tell them: their orders are asked, each once.

What is asked is recorded with the fills: an order of which one is recorded is not asked again. So
an answer with many orders is recorded part by part, each as soon as its orders were asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from capital.domain.reasons import Code, Reason
from capital.exchange.trading.contract import Instrument, OrderQuestion, ReadFill
from capital.exchange.trading.rows import Call, FillFields
from capital.models import Account, Fill, StrategyAccount

LEAVE_ALONE = frozenset(
    {
        Code.EXCHANGE_TIMEOUT,
        Code.EXCHANGE_UNREACHABLE,
        Code.EXCHANGE_RATE_LIMITED,
        Code.EXCHANGE_PAUSED,
        Code.CREDENTIALS_MISSING,
        Code.CREDENTIALS_MALFORMED,
    }
)
"""The exchange as a whole is to be left alone, or our time is over: then it is asked later."""

# Orders that are asked before what was told of them is recorded.
_AT_ONCE = 50

_Order = tuple[str, str]
"""A symbol and the exchange's id of an order."""


@dataclass(frozen=True)
class Part:
    """Some of the fills of one answer, in the order of time, and what is to be asked for them.

    Attributes:
        rows: The fills.
        questions: By order, those that are to be asked.
        known: The client order ids of orders that are recorded or were asked; of all parts.
    """

    rows: Sequence[ReadFill]
    questions: dict[_Order, OrderQuestion]
    known: dict[_Order, str]

    def named(self, answers: Sequence[str | Reason]) -> tuple[Sequence[ReadFill], Reason | None]:
        """The rows with what was told; an order that the exchange does not tell has none.

        Where a failure will pass, those before it, and the failure: the rest is asked the next
        time.
        """
        if not self.questions and not self.known:
            return self.rows, None
        passing: dict[_Order, Reason] = {}
        for order, answer in zip(self.questions, answers, strict=True):
            if isinstance(answer, Reason) and answer.code in LEAVE_ALONE:
                passing[order] = answer
            else:
                self.known[order] = answer if isinstance(answer, str) else ""
        found = []
        for row in self.rows:
            order = (row.symbol, row.order_id)
            if row.client_order_id:
                found.append(row)
            elif order in passing:
                return found, passing[order]
            else:
                found.append(replace(row, client_order_id=self.known.get(order, "")))
        return found, None


def parts_by_orders(
    account: Account,
    call: Call[FillFields],
    rows: Sequence[ReadFill],
    instruments: Sequence[Instrument],
) -> list[Part]:
    """What an answer tells, in one part or more. Two queries; none where rows tell their own.

    None is asked where no strategy trades on the account: they could be nobody's only.
    """
    ordered = sorted(rows, key=lambda row: row.executed_at)
    orders = dict.fromkeys(
        (row.symbol, row.order_id) for row in ordered if row.order_id and not row.client_order_id
    )
    links = StrategyAccount.objects.filter(account=account)
    if call.order is None or not orders or not links.exists():
        return [Part(ordered, {}, {})]
    recorded = Fill.objects.filter(
        account=account, order_id__among=[order_id for _, order_id in orders]
    ).order_by("pk")
    known: dict[_Order, str] = {}
    for symbol, order_id, name in recorded.values_list("symbol", "order_id", "client_order_id"):
        known[symbol, order_id] = known.get((symbol, order_id)) or name
    named = {each.symbol: each for each in instruments}
    asked = {
        order: OrderQuestion(call, named[order[0]], order[1])
        for order in orders
        if order not in known and order[0] in named
    }
    return list(_parts(ordered, asked, known))


def _parts(
    rows: Sequence[ReadFill], asked: dict[_Order, OrderQuestion], known: dict[_Order, str]
) -> Iterator[Part]:
    """Each with so many orders that are in none before it."""
    left = dict(asked)
    start, of_part = 0, dict[_Order, OrderQuestion]()
    for number, row in enumerate(rows):
        order = (row.symbol, row.order_id)
        if row.client_order_id or order not in left:
            continue
        if len(of_part) == _AT_ONCE:
            yield Part(rows[start:number], of_part, known)
            start, of_part = number, {}
        of_part[order] = left.pop(order)
    yield Part(rows[start:], of_part, known)
