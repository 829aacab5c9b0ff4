"""Accounts, strategies and links over the API: entered, read, changed, refused."""

from decimal import Decimal
from typing import Any

import pytest

from capital.models import Account, StrategyAccount
from capital.services.balances.connections import check_connection
from capital.services.balances.summaries import DailyAccountSummary
from strategies.models import Strategy
from tests.api.client import Bot, permit, problem
from tests.factories import (
    make_account,
    make_link,
    make_strategy,
    make_summary,
    make_user,
)
from tests.private_keys import MANGLED, key_of, pem_of
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

ACCOUNTS = [f"capital.{verb}_account" for verb in ("add", "change", "delete")]
LINKS = [f"capital.{verb}_strategyaccount" for verb in ("add", "change", "delete")]
STRATEGIES = [f"strategies.{verb}_strategy" for verb in ("add", "change", "delete")]


@pytest.fixture
def bot() -> Bot:
    return Bot(permit(make_user(), *ACCOUNTS, *LINKS, *STRATEGIES))


@pytest.mark.usefixtures("seoul")
def test_account_is_entered_and_its_credentials_are_never_given_back(bot: Bot) -> None:
    body = {
        "name": "Main",
        "venue": "binance",
        "currency": "USDT",
        "api_key": "CANARY-key",
        "api_secret": "CANARY-secret",
        "reserve_amount": "100.5",
    }

    answer = bot.post("accounts/", body)

    assert answer.status_code == 201, answer.content
    account = answer.json()
    assert account["currency"] == "USDT"
    assert account["wallet_mode"] == "separate"
    assert account["reserve_amount"] == "100.50"
    assert account["reserve_percent"] == "0"
    assert account["min_change_amount"] == "10.00"
    assert account["api_key_is_set"] is True
    assert account["api_passphrase_is_set"] is False
    assert "api_key" not in account
    assert b"CANARY" not in answer.content
    assert account["created_at"].endswith("+09:00")
    kept = Account.objects.get(pk=account["id"])
    assert (kept.owner, kept.api_key) == (bot.user, "CANARY-key")
    assert b"CANARY" not in bot.get(f"accounts/{kept.pk}/").content


@pytest.mark.parametrize("name", ["api_key", "api_secret", "api_passphrase"])
def test_a_copied_ciphertext_is_a_text_and_opens_nothing(bot: Bot, name: str) -> None:
    """Whoever can read a column, and not decrypt it, must not use its key."""
    victim = make_account(venue="okx", **{name: "canary-of-somebody-else"})
    copied = f"fernet:{victim.__dict__[name].token}"
    own = make_account(owner=bot.user, venue="okx")

    assert bot.patch(f"accounts/{own.pk}/", {name: copied}).status_code == 200

    assert getattr(Account.objects.get(pk=own.pk), name) == copied


@pytest.mark.parametrize("how", ["as it is", "with \\r\\n"])
def test_private_key_of_the_longest_kind_is_taken_and_signs(
    bot: Bot, exchange: Exchange, how: str
) -> None:
    account = exchange.open_account(
        owner=bot.user, wallets={"spot": {"USDT": "70.123456789"}, "futures": {"USDT": "1"}}
    )
    pem = pem_of(key_of("rsa", bits=4096))
    exchange.state.accounts[0].api_secret = pem

    answer = bot.patch(f"accounts/{account.pk}/", {"api_secret": MANGLED[how](pem)})

    assert answer.status_code == 200, answer.content
    assert answer.json()["api_secret_is_set"] is True
    assert not any(line in answer.content.decode() for line in pem.split("\n") if line)
    report = check_connection(account.pk)
    assert [pool.reason for pool in report.pools] == [None, None]
    assert [str(pool.amount) for pool in report.pools] == ["70.123456789", "1.00"]


@pytest.mark.parametrize(("venue", "is_proven"), [("binance", True), ("phemex", False)])
def test_venue_that_is_unproven_says_so(bot: Bot, venue: str, is_proven: bool) -> None:
    answer = bot.post("accounts/", {"name": "New", "venue": venue, "currency": "USDT"})

    assert answer.json()["is_proven"] is is_proven


def test_market_that_the_venue_does_not_have_is_refused_from_either_side(bot: Bot) -> None:
    """A venue in won takes no futures, whichever of the two is changed to be so."""
    won = make_link(account=make_account(owner=bot.user, venue="upbit"))
    futures = make_link(account=make_account(owner=bot.user), market_type="futures")

    for path, body, field in (
        (f"strategies/{won.strategy.key}/", {"market_type": "futures"}, "market_type"),
        (f"accounts/{futures.account_id}/", {"venue": "upbit", "currency": "KRW"}, "venue"),
    ):
        (error,) = problem(bot.patch(path, body), 400)["errors"]
        assert (error["field"], error["detail"]) == (field, "upbit does not offer futures trading.")
    StrategyAccount.objects.update(is_active=False)

    answer = bot.patch(f"strategies/{won.strategy.key}/", {"market_type": "futures"})
    assert answer.status_code == 200


def test_strategy_whose_market_a_venue_does_not_have_can_be_paused(bot: Bot) -> None:
    link = make_link(account=make_account(owner=bot.user, venue="upbit"))
    Strategy.objects.filter(pk=link.strategy_id).update(market_type="futures")

    answer = bot.patch(f"strategies/{link.strategy.key}/", {"status": "PAUSED"})

    assert answer.status_code == 200, answer.content


def test_largest_budget_above_the_capital_takes_a_permission(bot: Bot) -> None:
    account = make_account(owner=bot.user)
    body = {"max_budget_percent": "150"}

    refused = problem(bot.patch(f"accounts/{account.pk}/", body), 403)
    assert refused["code"] == "budget_limit_not_allowed"
    new = {"name": "New", "venue": "binance", "currency": "USDT", **body}
    assert problem(bot.post("accounts/", new), 403)["code"] == "budget_limit_not_allowed"
    account.refresh_from_db()
    assert account.max_budget_percent == 100

    permit(bot.user, "capital.raise_budget_limit")
    answer = bot.patch(f"accounts/{account.pk}/", body)

    assert answer.status_code == 200, answer.content
    assert answer.json()["max_budget_percent"] == "150"


def test_basis_is_chosen_and_the_connection_is_only_told(bot: Bot) -> None:
    account = make_account(owner=bot.user, connection_code="exchange_paused")

    answer = bot.patch(f"accounts/{account.pk}/", {"balance_basis": "free"})

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["balance_basis"], body["connection_code"]) == ("free", "exchange_paused")
    refused = bot.patch(f"accounts/{account.pk}/", {"connection_code": ""})
    assert refused.status_code == 400


def test_patch_changes_what_it_names_only(bot: Bot) -> None:
    account = make_account(owner=bot.user, api_key="kept", reserve_amount=Decimal(5))

    answer = bot.patch(f"accounts/{account.pk}/", {"name": "Renamed"})

    assert answer.status_code == 200, answer.content
    account.refresh_from_db()
    assert (account.name, account.api_key, account.reserve_amount) == ("Renamed", "kept", 5)


@pytest.mark.parametrize("name", ["colour", "id", "owner", "api_key_is_set"])
def test_unknown_and_read_only_fields_are_refused(bot: Bot, name: str) -> None:
    account = make_account(owner=bot.user)

    body = problem(bot.patch(f"accounts/{account.pk}/", {name: "x"}), 400)

    assert body["errors"][0]["field"] == name


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"venue": "nowhere"}, "venue"),
        ({"venue": "upbit", "currency": "KRW", "wallet_mode": "unified"}, "wallet_mode"),
        ({"currency": "US DT"}, "currency"),
        ({"reserve_percent": "101"}, "reserve_percent"),
        ({"reserve_amount": "NaN"}, "reserve_amount"),
        ({"reserve_amount": "1_0"}, "reserve_amount"),
        ({"is_active": "yes"}, "is_active"),
    ],
)
def test_what_breaks_a_rule_names_its_field(bot: Bot, change: Any, field: str) -> None:
    body = {"name": "A", "venue": "binance", "currency": "USDT", **change}

    errors = problem(bot.post("accounts/", body), 400)["errors"]

    assert field in {error["field"] for error in errors}
    assert not Account.objects.exists()


def test_a_name_that_is_taken_is_refused(bot: Bot) -> None:
    make_account(owner=bot.user, name="Main")

    body = problem(
        bot.post("accounts/", {"name": "Main", "venue": "binance", "currency": "USDT"}), 400
    )

    assert "already" in body["detail"]


def test_what_has_history_is_not_deleted(bot: Bot) -> None:
    used = make_link(account=make_account(owner=bot.user), capital=5)

    assert "Archive" in problem(bot.delete(f"accounts/{used.account_id}/"), 409)["detail"]
    problem(bot.delete(f"strategy-accounts/{used.pk}/"), 409)
    problem(bot.delete(f"strategies/{used.strategy.key}/"), 409)


def test_what_was_never_used_is_deleted(bot: Bot) -> None:
    link = make_link(account=make_account(owner=bot.user))

    assert bot.delete(f"strategy-accounts/{link.pk}/").status_code == 204
    assert bot.delete(f"strategies/{link.strategy.key}/").status_code == 204
    assert bot.delete(f"accounts/{link.account_id}/").status_code == 204
    assert not Account.objects.exists()
    assert not Strategy.objects.exists()


def test_strategy_is_entered_paused_and_found_by_its_key(bot: Bot) -> None:
    body = {"key": "trend", "name": "Trend", "market_type": "futures"}

    assert bot.post("strategies/", body).status_code == 201
    assert bot.patch("strategies/trend/", {"status": "PAUSED"}).json()["status"] == "PAUSED"
    assert bot.get("strategies/trend/").json()["name"] == "Trend"


def test_link_joins_a_strategy_and_an_account_of_the_caller(bot: Bot) -> None:
    account, strategy = make_account(owner=bot.user), make_strategy(owner=bot.user)

    answer = bot.post(
        "strategy-accounts/",
        {"strategy": strategy.key, "account": account.pk, "weight": 0.6, "leverage": "3"},
    )

    assert answer.status_code == 201, answer.content
    link = answer.json()
    assert (link["weight"], link["leverage"]) == ("0.6", "3")
    assert link["allocated_capital"] is None
    assert StrategyAccount.objects.get().weight == Decimal("0.6")


def test_link_to_another_users_account_is_refused_as_if_it_were_not_there(bot: Bot) -> None:
    theirs, mine = make_account(), make_strategy(owner=bot.user)

    body = problem(
        bot.post("strategy-accounts/", {"strategy": mine.key, "account": theirs.pk}), 400
    )
    absent = problem(bot.post("strategy-accounts/", {"strategy": mine.key, "account": 10**9}), 400)

    assert body["errors"] == absent["errors"]
    assert body["errors"][0]["field"] == "account"


def test_link_keeps_its_account(bot: Bot) -> None:
    link = make_link(account=make_account(owner=bot.user))
    other = make_account(owner=bot.user)

    body = problem(bot.patch(f"strategy-accounts/{link.pk}/", {"account": other.pk}), 400)

    assert body["errors"][0]["field"] == "account"


def test_another_users_row_is_not_found(bot: Bot) -> None:
    link = make_link(capital=5)
    summary = make_summary(account=link.account)

    for path in (
        f"accounts/{link.account_id}/",
        f"strategies/{link.strategy.key}/",
        f"strategy-accounts/{link.pk}/",
        f"capital/{link.capital.pk}/",
        f"daily-summaries/{summary.pk}/",
    ):
        problem(bot.get(path), 404)


def test_changes_need_the_users_permission() -> None:
    bot = Bot()

    body = problem(
        bot.post("accounts/", {"name": "A", "venue": "binance", "currency": "USDT"}), 403
    )

    assert "capital.add_account" in body["detail"]


def test_list_is_filtered_ordered_and_cut_to_fields(bot: Bot) -> None:
    for name in ("b", "a", "c"):
        make_account(owner=bot.user, name=name, is_active=name != "c")
    make_account(name="theirs")

    answer = bot.get("accounts/?is_active=true&ordering=-name&fields=name,currency")

    assert answer.json()["results"] == [
        {"name": "b", "currency": "USDT"},
        {"name": "a", "currency": "USDT"},
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("is_active=maybe", "is_active"),
        ("ordering=api_key", "ordering"),
        ("fields=api_key_x", "fields"),
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page_size=٣", "page_size"),
        ("cursor=nonsense", "cursor"),
        ("cursor=cD1hYmM=", "cursor"),
        ("name=a&name=b", "name"),
        ("name=%00", "name"),
    ],
)
def test_query_that_is_not_understood_is_refused(bot: Bot, query: str, field: str) -> None:
    assert problem(bot.get(f"accounts/?{query}"), 400)["errors"][0]["field"] == field


def test_pages_show_every_row_once_while_many_share_a_day(bot: Bot) -> None:
    for _ in range(7):
        make_summary(account=make_account(owner=bot.user), spot_balance=Decimal("1.5"))
    seen: list[int] = []
    path: str | None = "daily-summaries/?ordering=-date&page_size=2"

    while path is not None:
        page = bot.get(path.rpartition("/api/v1/")[2]).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"]

    assert len(seen) == len(set(seen)) == DailyAccountSummary.objects.count() == 7


def test_summary_tells_null_from_zero_and_its_day(bot: Bot) -> None:
    summary = make_summary(
        account=make_account(owner=bot.user),
        spot_balance=Decimal(0),
        ending_balance=Decimal("10369.5"),
    )

    row = bot.get(f"daily-summaries/{summary.pk}/").json()

    assert row["spot_balance"] == "0.00"
    assert row["futures_balance"] is None
    assert row["ending_balance"] == "10369.50"
    assert row["date"] == summary.date.isoformat()


def test_days_are_found_by_their_span(bot: Bot) -> None:
    summary = make_summary(account=make_account(owner=bot.user))
    day = summary.date.isoformat()

    assert len(bot.get(f"daily-summaries/?date_from={day}&date_to={day}").json()["results"]) == 1
    assert bot.get(f"daily-summaries/?date_from={day}&date_to=1999-01-01").json()["results"] == []


def test_rows_are_prepared_a_page_at_a_time_however_they_are_shown(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a view shows beyond the columns is on the list, on one row and on what was written."""
    pages: list[int] = []

    def prepare_rows(_view: Any, rows: Any) -> Any:
        pages.append(len(rows))
        for row in rows:
            row.name = f"prepared {row.name}"
        return rows

    monkeypatch.setattr("capital.api.views.accounts.Accounts.prepare_rows", prepare_rows)
    first, _ = (make_account(owner=bot.user, name=name) for name in ("A", "B"))

    listed = bot.get("accounts/").json()["results"]
    shown = bot.get(f"accounts/{first.pk}/").json()
    changed = bot.patch(f"accounts/{first.pk}/", {"reserve_percent": "5"}).json()
    entered = bot.post("accounts/", {"name": "C", "venue": "binance", "currency": "USDT"}).json()

    assert [row["name"] for row in listed] == ["prepared A", "prepared B"]
    assert [row["name"] for row in (shown, changed)] == ["prepared A", "prepared A"]
    assert entered["name"] == "prepared C"
    assert pages == [2, 1, 1, 1]


def test_an_order_tag_that_begins_another_is_refused_from_each_side(bot: Bot) -> None:
    account = make_account(owner=bot.user)
    make_link(account=account, strategy=make_strategy(owner=bot.user, key="grid"))
    make_link(account=account, strategy=make_strategy(owner=bot.user, key="trend"))
    make_strategy(owner=bot.user, key="grid-2")

    for answer, field in (
        (bot.patch("strategies/trend/", {"order_tag": "gr"}), "order_tag"),
        (bot.patch("strategies/trend/", {"key": "gri"}), "key"),
        (bot.post("strategy-accounts/", {"strategy": "grid-2", "account": account.pk}), "strategy"),
    ):
        (error,) = problem(answer, 400)["errors"]
        assert error["field"] == field
        assert "an order could be of either" in error["detail"]
    (error,) = problem(bot.patch("strategies/trend/", {"order_tag": "a b"}), 400)["errors"]
    assert error["detail"].startswith("An order tag begins with a letter or a digit")

    assert bot.patch("strategies/grid-2/", {"order_tag": "second"}).json()["order_tag"] == "second"
    linked = bot.post("strategy-accounts/", {"strategy": "grid-2", "account": account.pk})
    assert linked.status_code == 201, linked.content


def test_a_link_declares_symbols_of_its_market(bot: Bot) -> None:
    link = make_link(account=make_account(owner=bot.user))
    path = f"strategy-accounts/{link.pk}/"
    assert bot.get(path).json()["symbols"] == []

    assert bot.patch(path, {"symbols": ["BTC/USDT", "ETH/USDT"]}).json()["symbols"] == [
        "BTC/USDT",
        "ETH/USDT",
    ]
    for wrong, field in (
        (["BTC/USDT:USDT"], "symbols"),
        ("BTC/USDT", "symbols"),
        ([5], "symbols.0"),
    ):
        (error,) = problem(bot.patch(path, {"symbols": wrong}), 400)["errors"]
        assert error["field"] == field
    assert StrategyAccount.objects.get().symbols == ["BTC/USDT", "ETH/USDT"]
