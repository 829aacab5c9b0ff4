"""The audit of books: a traded month breaks no rule, and each forged record gives its own code."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from capital.domain.performance.fills import Fee
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.measures.packed import pack_month, unpack_month, unpack_trades
from capital.domain.performance.telling import FillSource
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.models import (
    Attribution,
    AuditCheckpoint,
    DailyAccountSummary,
    DayMark,
    Fill,
    Flow,
    LinkDay,
    LinkMonth,
    LinkYear,
    Position,
    StrategyAccount,
    SymbolDay,
    Trade,
)
from capital.services.accounts.lookup import lock_accounts
from capital.services.audit import audit_capital
from capital.services.audit.checkpoints import starting_points
from capital.services.trading import NewFill, enter_flow
from capital.services.trading.days.closing import close_days
from capital.services.trading.fills import record_fills
from tests.factories import forge, make_fill, make_flow, make_link, make_market, make_summary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC, ETH, SPOT = "BTC/USDT:USDT", "ETH/USD:ETH", "SOL/USDT"
# Noon in Seoul on the first
NOON = datetime(2026, 3, 1, 3, tzinfo=UTC)
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
MONTH = 30
END = NOON + timedelta(days=MONTH, hours=1)
# Long enough for some of it to be older than a week.
DAYS = 11
THEN = NOON + timedelta(days=DAYS, hours=1)


@dataclass
class Desk:
    """Two links of one account that trade for some days, and what they hold."""

    long: StrategyAccount
    short: StrategyAccount
    number: int = 0

    def report(
        self,
        link: StrategyAccount,
        side: str,
        quantity: str,
        price: str,
        *,
        day: int,
        symbol: str = BTC,
        told: int | None = None,
        **fields: Any,
    ) -> None:
        self.number += 1
        at = NOON + timedelta(days=day, minutes=self.number % 60)
        named = {"venue_fill_id": f"f{self.number}", **fields}
        fill = NewFill(
            symbol=symbol,
            side=Side(side),
            quantity=D(quantity),
            price=D(price),
            executed_at=at,
            **named,
        )
        known = at if told is None else NOON + timedelta(days=told)
        # Below what refuses a symbol of the other market: books of before may have one.
        with transaction.atomic():
            account = lock_accounts([link.account_id])[link.account_id]
            record_fills(account, link.pk, [fill], source=FillSource.BOT, actor=None, now=known)

    def fund(self, amount: str, *, day: int, **fields: Any) -> None:
        at = NOON + timedelta(days=day, hours=1)
        given = {"symbol": BTC, "currency": "USDT", "kind": FlowKind.FUNDING, **fields}
        enter_flow(
            self.long.account_id,
            pool=Pool.FUTURES,
            amount=D(amount),
            occurred_at=at,
            clock=lambda: at,
            **given,
        )

    def close(self, day: int) -> None:
        """Half a minute into that day."""
        at = NOON + timedelta(days=day, hours=-11.99)
        close_days([self.long.account_id], clock=lambda: at)


@pytest.fixture
def desk() -> Desk:
    for symbol, size in ((BTC, "0.001"), (ETH, "10"), (SPOT, None)):
        make_market(symbol, contract_size=None if size is None else D(size))
    first = make_link(market_type="futures", capital="1000")
    second = make_link(account=first.account, market_type="futures", capital="500")
    return Desk(first, second)


@pytest.fixture
def traded(desk: Desk) -> Desk:
    """Two days: long 2 at 100, short 1 at 100, 3 of funding; one of them is closed at 130."""
    make_summary(account=desk.long.account, date=FIRST)
    make_summary(account=desk.long.account, date=SECOND)
    DayMark.objects.create(venue="binance", symbol=BTC, date=FIRST, price=D(110))
    desk.report(desk.long, "buy", "2", "100", day=0, fees=(Fee(D("0.1"), "USDT"),))
    desk.report(desk.short, "sell", "1", "100", day=0, fees=(Fee(D("0.2"), "BNB"),))
    desk.fund("3", day=0)
    desk.close(1)
    desk.report(desk.long, "sell", "2", "130", day=1)
    return desk


def broken(now: datetime = END) -> list[str]:
    return [found.reason.code.value for found in audit_capital(clock=lambda: now).violations]


def trade(desk: Desk, days: int) -> None:
    """Both trade each day; fills come late, twice and by order; funding is shared and not."""
    for day in range(days):
        for symbol in (BTC, SPOT):
            DayMark.objects.create(
                venue="binance", symbol=symbol, date=FIRST + timedelta(days=day), price=D(100 + day)
            )
        make_summary(account=desk.long.account, date=FIRST + timedelta(days=day))
        side, other = ("buy", "sell") if day % 3 else ("sell", "buy")
        price = str(100 + day % 7)
        desk.report(desk.long, side, "1.5", price, day=day, fees=(Fee(D("0.01"), "BNB"),))
        desk.report(desk.short, other, "0.7", price, day=day, fees=(Fee(D("0.07"), "USDT"),))
        desk.report(desk.short, other, "30", str(2000 + day), day=day, symbol=ETH)
        desk.report(
            desk.long, side, "3", "20", day=day, symbol=SPOT, fees=(Fee(D("0.003"), "SOL"),)
        )
        if day % 5 == 0:
            desk.fund("0.7", day=day)
            desk.fund("-0.1", day=day, strategy_account=desk.long.pk)
            desk.fund("0.02", day=day, strategy_account=desk.long.pk, symbol="", currency="BNB")
        if day % 10 == 2:
            desk.report(desk.long, "buy", "1", "90", day=day - 2, told=day)
            named = {"venue_fill_id": "", "order_id": f"o{day}"}
            desk.report(desk.short, "sell", "2", "101", day=day, **named)
            desk.report(desk.short, "sell", "2", "101.5", day=day, order_id=f"o{day}")
        desk.close(day + 1)


def test_a_traded_month_breaks_no_rule_and_what_was_correct_is_not_read_again(desk: Desk) -> None:
    trade(desk, MONTH)

    reports = [audit_capital(full=full, clock=lambda: END) for full in (True, False, False)]

    assert [report.violations for report in reports] == [[], [], []]
    first, second, third = (report.checked for report in reports)
    assert first["fills"] == second["fills"] == Fill.objects.count() == 129
    assert (first["flows"], first["positions"]) == (18, 4)
    assert first["days"] == LinkDay.objects.count() + SymbolDay.objects.count()
    # Those since the day on which the last week began
    assert (third["fills"], third["flows"]) == (7 * 4, 3)
    assert reports[2].resumed == [desk.long.account_id]


def test_of_what_was_correct_the_days_since_are_read_and_of_no_other_account(desk: Desk) -> None:
    trade(desk, DAYS)
    audit_capital(full=False, clock=lambda: THEN)
    other = make_link(market_type="futures", capital="10")
    beside = Desk(other, other)
    beside.report(other, "buy", "1", "90", day=DAYS - 1)
    make_summary(account=other.account, date=FIRST + timedelta(days=DAYS))
    beside.close(DAYS)
    for model in (SymbolDay, LinkDay):
        model.objects.filter(strategy_account=other).update(volume=D(77))
    seen: list[tuple[int, date]] = []

    def look(instance: SymbolDay | LinkDay, **_: Any) -> None:
        seen.append((instance.strategy_account_id, instance.date))

    for model in (SymbolDay, LinkDay):
        post_init.connect(look, sender=model)
    try:
        report = audit_capital([desk.long.account_id], full=False, clock=lambda: THEN)
    finally:
        for model in (SymbolDay, LinkDay):
            post_init.disconnect(look, sender=model)

    assert (report.violations, report.resumed) == ([], [desk.long.account_id])
    assert {link for link, _ in seen} == {desk.long.pk, desk.short.pk}
    # Those since the day on which the last week began, and the one before.
    assert min(day for _, day in seen) == FIRST + timedelta(days=DAYS - 8)
    assert "day_not_of_fills" in broken(THEN)


@pytest.mark.parametrize("day", [1, DAYS - 1])
def test_a_late_fill_of_a_checked_time_is_read_with_all_of_its_account(
    desk: Desk, day: int
) -> None:
    trade(desk, DAYS)
    audit_capital(full=False, clock=lambda: THEN)

    desk.report(desk.long, "buy", "1", "77", day=day, told=DAYS)

    report = audit_capital(full=False, clock=lambda: THEN)
    assert report.violations == []
    assert report.checked["fills"] == (48 if day == 1 else 29)


def test_of_two_checked_accounts_only_the_one_with_a_late_fill_begins_anew(desk: Desk) -> None:
    other = make_link(market_type="futures", capital="10")
    beside = Desk(other, other)
    for each in (desk, beside):
        each.report(each.long, "buy", "1", "90", day=0)
    assert audit_capital(full=False, clock=lambda: THEN).violations == []

    desk.report(desk.long, "buy", "1", "77", day=1, told=DAYS)

    ids = [desk.long.account_id, other.account_id]
    points = starting_points(ids, full=False)
    assert [points[key].books is None for key in ids] == [True, False]


def test_what_came_from_outside_and_what_another_flow_stands_for_is_not_booked(
    traded: Desk,
) -> None:
    account, funding = traded.long.account, Flow.objects.get()
    make_flow(account, kind="deposit", pool="futures", amount=D(500), occurred_at=NOON)
    # What a person entered, and the exchange told afterwards, is counted once.
    entered = {"kind": "funding", "pool": "futures", "symbol": BTC, "amount": D(3)}
    other = make_flow(account, **entered, occurred_at=NOON)
    forge(funding, matches=other)

    report = audit_capital(clock=lambda: END)

    # The funding of the first day.
    assert (report.violations, report.checked["flows"]) == ([], 1)


@pytest.mark.parametrize("day", [1, DAYS - 1])
def test_what_is_forged_after_it_was_checked_is_found(desk: Desk, day: int) -> None:
    """Of a time that is not read again it is found where it shows: in what is held now."""
    trade(desk, DAYS)
    audit_capital(full=False, clock=lambda: THEN)
    rows = SymbolDay.objects.filter(symbol=BTC, strategy_account=desk.long)
    rows.filter(date=FIRST + timedelta(days=day)).update(held=D(77))

    found = [each.reason.code for each in audit_capital(full=False, clock=lambda: THEN).violations]

    assert found == ([] if day == 1 else ["day_not_of_fills"])
    assert broken(THEN) == ["day_not_of_fills"]


def test_a_point_that_does_not_fit_is_given_up_and_all_is_read(desk: Desk) -> None:
    trade(desk, DAYS)
    audit_capital(full=False, clock=lambda: THEN)
    kept = AuditCheckpoint.objects.get()
    kept.clean_books["books"][1][3]["amount"] = "99"
    kept.save()

    report = audit_capital(full=False, clock=lambda: THEN)

    assert (report.violations, report.checked["fills"]) == ([], 47)
    assert report.resumed == []
    assert AuditCheckpoint.objects.get().clean_books["books"][1][3]["amount"] != "99"


def test_an_account_without_news_keeps_its_point(traded: Desk) -> None:
    for days in (20, 40):
        now = NOON + timedelta(days=days)
        traded.close(days)
        report = audit_capital(full=False, clock=lambda now=now: now)
        assert report.violations == []

    assert report.checked["fills"] == 0
    kept = AuditCheckpoint.objects.get().clean_books
    assert [(*key, books["amount"]) for *key, books in kept["books"]] == [
        (traded.long.pk, BTC, "both", "0"),
        (traded.short.pk, BTC, "both", "-1"),
    ]


def test_the_audit_of_books_costs_the_same_whatever_was_traded(traded: Desk) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert broken() == []
        assert {query["sql"].split()[0] for query in captured} <= {"SELECT", "DECLARE"}
        return len(captured)

    before = queries()
    for day in range(2, 6):
        traded.report(traded.short, "buy", "0.1", "90", day=day)
        traded.report(traded.long, "buy", "0.1", "90", day=day, symbol=SPOT)
    other = make_link(market_type="futures", capital="10")
    traded.report(other, "buy", "1", "90", day=5)

    assert queries() == before


# One forged record each

Break = Callable[[Desk], object]


def _position(link: str, **values: Any) -> Break:
    def change(desk: Desk) -> None:
        rows = Position.objects.filter(strategy_account=getattr(desk, link))
        if "amount" in values:
            position = rows.get()
            values["books"] = {**position.books, "amount": values.pop("amount")}
        assert rows.update(**values) == 1

    return change


def _symbol_day(day: date = FIRST, **values: Any) -> Break:
    def change(desk: Desk) -> None:
        rows = SymbolDay.objects.filter(strategy_account=desk.long, date=day)
        assert rows.update(**values) == 1

    return change


def _link_day(day: date = FIRST, **values: Any) -> Break:
    def change(desk: Desk) -> None:
        rows = LinkDay.objects.filter(strategy_account=desk.long, date=day)
        assert rows.update(**values) == 1

    return change


def _both(*breaks: Break) -> Break:
    return lambda desk: [each(desk) for each in breaks]


def _summary(**values: Any) -> Break:
    return lambda desk: DailyAccountSummary.objects.filter(date=SECOND).update(**values)


def _unbooked_fill(desk: Desk) -> None:
    """Recorded and attributed, and in nobody's books."""
    fill = make_fill(desk.short, BTC, executed_at=NOON + timedelta(hours=3))
    Attribution.objects.create(fill=fill, strategy_account=desk.short, how="bot", at=NOON)


def _given_away(desk: Desk) -> None:
    """The newest attribution says that it is of another link, whose books do not know."""
    fill = Fill.objects.get(side="sell", price=D(130))
    Attribution.objects.create(fill=fill, strategy_account=desk.short, how="person", at=END)


def _of_elsewhere(desk: Desk) -> None:
    fill = make_fill(desk.short, BTC, executed_at=NOON + timedelta(hours=3))
    Attribution.objects.create(fill=fill, strategy_account=make_link(), how="bot", at=NOON)


def _flow_of_elsewhere(desk: Desk) -> None:
    make_flow(
        desk.long.account,
        kind="funding",
        symbol=BTC,
        occurred_at=NOON,
        strategy_account=make_link(),
    )


FORGED: dict[str, tuple[Break, list[str]]] = {
    "what is held": (_position("short", amount="-2"), ["position_not_of_fills"]),
    "what is shown as held": (_position("short", quantity=D(-3)), ["position_not_of_fills"]),
    "what was realised": (_position("long", realized_pnl=D(60)), ["position_not_of_fills"]),
    "a position that is gone": (
        lambda desk: Position.objects.filter(strategy_account=desk.short).delete(),
        ["position_not_of_fills"],
    ),
    "a day's volume": (
        _both(_symbol_day(volume=D(201)), _link_day(volume=D(201))),
        ["day_not_of_fills", "summary_not_of_links"],
    ),
    "a day's holding": (_symbol_day(held=D(3)), ["day_not_of_fills"]),
    "a day's fills": (_both(_symbol_day(fills=2), _link_day(fills=2)), ["day_not_of_fills"]),
    "fees of unknown value": (_symbol_day(fees_unvalued={"BNB": "1"}), ["day_not_of_fills"]),
    "funding that no flow brought": (
        _both(
            _symbol_day(funding=D(7)),
            # It is after funding there: the same is left over.
            _link_day(funding=D(7), realized=D(-1)),
        ),
        ["funding_not_of_flows"],
    ),
    "a link's funding": (_link_day(funding=D(7), realized=D(-1)), ["day_not_of_positions"]),
    "a link's fills": (_link_day(SECOND, fills=5), ["day_not_of_positions"]),
    "equity at the start": (_link_day(SECOND, equity_start=D(1)), ["day_start_wrong"]),
    "equity that nobody knows any more": (
        _link_day(SECOND, equity_start=None),
        ["day_start_wrong"],
    ),
    "settled equity at the start": (
        _link_day(SECOND, settled_start=D(1000), equity_start=D("1020")),
        ["day_start_wrong"],
    ),
    "capital that nobody added": (_link_day(capital_added=D(5)), ["day_start_wrong"]),
    "a day that is gone": (
        lambda desk: LinkDay.objects.filter(strategy_account=desk.long, date=SECOND).delete(),
        ["day_missing", "summary_not_of_links"],
    ),
    "a day in between": (
        lambda desk: LinkDay.objects.create(
            strategy_account=desk.long,
            date=SECOND + timedelta(days=2),
            currency="USDT",
            realized=D(0),
            fees=D(0),
            funding=D(0),
            volume=D(0),
        ),
        ["day_missing"],
    ),
    "an account's fees": (_summary(total_fees=D("0.01")), ["summary_not_of_links"]),
    "an account's trades": (_summary(total_trades=2), ["summary_not_of_links"]),
    "another account's link": (_of_elsewhere, ["attribution_of_other_account"]),
    "a flow of another account's link": (_flow_of_elsewhere, ["flow_of_other_account"]),
    "a fill that nobody booked": (
        _unbooked_fill,
        ["day_not_of_fills", "position_not_of_fills"],
    ),
    "a fill that two could count": (
        _given_away,
        ["day_not_of_fills"] * 2 + ["position_not_of_fills"] * 2,
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_forged_record_is_found_and_no_other(traded: Desk, what: str) -> None:
    assert broken() == []
    break_it, expected = FORGED[what]
    # What is packed of a day would be found, too.
    LinkYear.objects.all().delete()
    LinkMonth.objects.all().delete()
    LinkDay.objects.update(is_packed=False)

    break_it(traded)

    assert sorted(broken()) == expected


def test_a_packed_month_has_the_figures_of_its_days(traded: Desk) -> None:
    forge(LinkDay.objects.get(strategy_account=traded.short, date=FIRST), volume=D(7))
    other = LinkMonth.objects.get(strategy_account=traded.long)
    figures = dict(unpack_month(other.days, other.scale))
    changed = {**figures, 1: replace(figures[1], worth_start=D(1))}
    ended = unpack_trades(other.days, other.scale)
    forge(other, days=pack_month(changed, ended, other.scale))

    found = [
        each.reason.figures
        for each in audit_capital(clock=lambda: END).violations
        if each.reason.code is Code.MONTH_NOT_OF_DAYS
    ]

    # What was unrealised when the first day began is said by nothing else.
    assert found == [
        {
            "link": str(traded.short.pk),
            "currency": "USDT",
            "month": "2026-03",
            "date": "2026-03-01",
        }
    ]


@pytest.mark.parametrize("what", ["a trade", "the largest win", "a symbol"])
def test_a_packed_month_has_the_sums_of_its_trades_and_symbols(traded: Desk, what: str) -> None:
    traded.close(2)
    trade = Trade.objects.get()
    month = LinkMonth.objects.get(strategy_account=trade.strategy_account)
    if what == "a trade":
        forge(trade, realized=D(7))
    elif what == "the largest win":
        forge(month, largest_win=D(10**6))
    else:
        forge(month, symbols={})

    assert broken() == ["month_not_of_symbols"]
    (found,) = audit_capital(clock=lambda: END).violations
    assert found.reason.figures == {
        "link": str(trade.strategy_account_id),
        "currency": "USDT",
        "month": "2026-03",
    }


def test_every_finding_of_books_is_provoked_alone() -> None:
    alone = {codes[0] for _, codes in FORGED.values() if len(set(codes)) == 1}

    assert alone == {
        "position_not_of_fills",
        "day_not_of_fills",
        "funding_not_of_flows",
        "day_not_of_positions",
        "day_start_wrong",
        "day_missing",
        "summary_not_of_links",
        "attribution_of_other_account",
        "flow_of_other_account",
    }


def test_a_finding_says_which_row_and_what_it_should_be(traded: Desk) -> None:
    _link_day(SECOND, equity_start=D(1))(traded)

    (found,) = audit_capital(clock=lambda: END).violations

    assert (found.account_id, found.run_id) == (traded.long.account_id, None)
    assert found.reason.figures == {
        "link": str(traded.long.pk),
        "date": "2026-03-02",
        "currency": "USDT",
        "what": "equity_start",
        "recorded": "1",
        # 1,000, less 0.1 of fees, 6 of funding, and 20 that are open
        "expected": "1025.9",
    }


def test_a_summary_that_nothing_told_yet_is_right_until_its_day_is_over(traded: Desk) -> None:
    empty = dict.fromkeys(
        (
            "realized_pnl", "unrealized_pnl", "total_trades", "winning_trades", "losing_trades",
            "total_volume", "total_fees",
        )
    )  # fmt: skip
    DailyAccountSummary.objects.update(**empty)

    assert broken(NOON + timedelta(days=1, hours=1)) == []
    assert broken(NOON + timedelta(days=3)) == ["summary_not_of_links"] * 2


def test_rows_that_know_less_are_judged_by_what_they_know(traded: Desk) -> None:
    """Another version wrote no holdings; a bot's report says what is shown as held."""
    SymbolDay.objects.update(held=None, cost=None)
    Position.objects.update(reported_quantity=D(9), quantity=D(9))

    assert broken() == []


def test_what_is_nobodys_is_read_and_asked_of_nobodys_books(traded: Desk) -> None:
    """A fill that nobody has, and interest of the whole account; the same of a link is missed."""
    before = audit_capital(clock=lambda: END).checked
    make_fill(traded.long, BTC, strategy_account=None, executed_at=NOON + timedelta(hours=3))
    make_flow(traded.long.account, kind="interest", occurred_at=NOON)

    report = audit_capital(clock=lambda: END)

    assert report.violations == []
    read = [report.checked[each] - before[each] for each in ("fills", "flows")]
    assert read == [1, 1]
    make_flow(traded.long.account, kind="interest", occurred_at=NOON, strategy_account=traded.long)
    assert sorted(broken()) == ["day_not_of_fills", "funding_not_of_flows"]


def test_a_provisional_row_no_longer_counts_once_its_order_is_known_to_be_somebody_elses(
    desk: Desk,
) -> None:
    named = {"venue_fill_id": "", "order_id": "7"}
    desk.report(desk.long, "buy", "1", "100", day=0, **named)
    desk.report(desk.short, "buy", "1", "100", day=0, order_id="7")

    assert broken() == []
    held = {row.strategy_account_id: row.quantity for row in Position.objects.all()}
    assert held == {desk.long.pk: 0, desk.short.pk: 1}


@pytest.mark.parametrize("what", ["its figures", "no year", "no months"])
def test_a_packed_year_says_what_its_months_say(traded: Desk, what: str) -> None:
    later = END + timedelta(days=40)
    close_days([traded.long.account_id], clock=lambda: later)
    year = LinkYear.objects.get(strategy_account=traded.long)
    months = LinkMonth.objects.filter(strategy_account=traded.long, is_in_year=True)
    assert months.count() == 2
    assert LinkYear.objects.count() == 2
    assert "year_not_of_months" not in broken(later)
    if what == "its figures":
        forge(year, figures=bytes(year.figures) + b"1")
    elif what == "no year":
        year.delete()
    else:
        months.update(is_in_year=False)

    found = audit_capital(clock=lambda: later).violations

    (reason,) = (each.reason for each in found if each.reason.code is Code.YEAR_NOT_OF_MONTHS)
    assert reason.figures == {"link": str(traded.long.pk), "currency": "USDT", "year": "2026"}
