"""Sentences show the reader's words for what is stored, in both languages."""

import re
from string import Formatter

import pytest
from django.utils import translation

from capital.domain.reasons import Code, Reason
from capital.services.labels import label
from capital.services.sentences import outline_of, sentence, sentence_of

TOO_SMALL = {"change": "0", "threshold": "10000", "currency": "KRW"}


@pytest.mark.parametrize(
    ("code", "figures", "english", "korean"),
    [
        (Code.NO_BALANCE, {"pools": "spot, futures"}, "spot, futures", "현물, 선물"),
        (Code.WALLET_MODE_NOT_ON_VENUE, {"venue": "upbit", "mode": "unified", "modes": "separate"},
         "unified wallet", "통합 지갑"),
        (Code.WALLET_MODE_DIFFERS, {"venue": "okx", "said": "separate", "mode": "unified"},
         "separate wallets", "분리 지갑"),
        (Code.BASIS_NOT_TOLD, {"venue": "gate", "basis": "free"}, "free balance", "사용 가능 금액"),
        (Code.CLOSE_ON_WRONG_SIDE, {"position": "2", "symbol": "BTC/USDT", "side": "sell"},
         "sell", "매도"),
        (Code.SYMBOL_OF_OTHER_MARKET,
         {"symbol": "BTC/USDT", "kind": "spot", "strategy": "trend", "market": "futures"},
         "futures", "선물"),
        (Code.POOLS_MISSING, {"outcome": "skipped"}, "skipped", "건너뜀"),
        (Code.READING_CONTRADICTED, {"pool": "unified", "row": "4", "source": "cached"},
         "cached", "캐시"),
        (Code.CREDENTIALS_MISSING, {"missing": "api_key, api_secret"},
         "API key, API secret", "API 키, API "),
        (Code.PRICE_UNAVAILABLE,
         {"venue": "okx", "symbol": "BTC/USDT", "cause": "exchange_timeout"},
         "no answer in time", "응답 시간 초과"),
        (Code.CACHE_STALE, {"hours": "30", "limit": "24", "live": "live_disabled"},
         "live balances are off", "실시간 조회 비활성"),
        (Code.EXCHANGE_BAD_MARKETS, {"venue": "okx", "kind": "no spot market"},
         "no spot market", "현물 종목 없음"),
        (Code.EXCHANGE_RATE_LIMITED, {"venue": "okx", "kind": "Retry-After, 12 s left"},
         "12 s left", "12초 뒤"),
        (Code.INVALID_AMOUNT, {"value": "1_0", "problem": "it has more than 20 integer digits"},
         "20 integer digits", "정수부가 20자리를 넘음"),
        (Code.AMOUNT_NOT_STORABLE,
         {"field": "capital.Account.reserve_amount", "value": "1",
          "problem": "it has 9 decimals and the column keeps 8"},
         "9 decimals", "소수점 아래 9자리"),
        (Code.APPEND_ONLY, {"model": "AllocationPool"}, "pool", "풀"),
        (Code.RECORD_UNREADABLE, {"row": "run 5", "kind": "KeyError"}, "#5", "#5"),
        (Code.TIME_IN_FUTURE,
         {"row": "summary 3", "what": "spot_observed_at", "moment": "2026-11-26T14:08:06+00:00"},
         "2026-11-26 23:08:06", "현물 잔고 조회 시각"),
        (Code.RUN_KEY_CONFLICT,
         {"run_key": "k", "account": "A", "differences": "live, if_due"},
         "live balances, only if due", "재할당 대상만"),
        (Code.DAY_START_WRONG,
         {"link": "3", "date": "2026-11-26", "currency": "USDT", "what": "equity_start",
          "recorded": "1000", "expected": "1050.5"}, "equity at the start", "시작 평가 자산"),
        (Code.POSITION_NOT_OF_FILLS,
         {"link": "3", "symbol": "BTC/USDT", "position_side": "short", "what": "quantity",
          "recorded": "-1", "expected": "0"}, "short", "수량"),
        (Code.FORCED_MARK_WRONG, {"marked": "True", "asked": "False"}, "yes", "아니요"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("seoul")
def test_a_sentence_shows_names_and_not_what_is_stored(
    code: Code, figures: dict[str, str], english: str, korean: str
) -> None:
    kept = dict(figures)
    for language, words in (("en", english), ("ko", korean)):
        with translation.override(language):
            text = sentence(Reason(code, figures))
            assert words in text
    assert figures == kept


def test_a_figure_of_which_no_word_is_known_is_shown_as_it_is() -> None:
    figures = {"pool": "margin", "row": "7", "source": "of_tomorrow"}

    assert "Margin" in sentence_of("reading_contradicted", figures)
    assert "of_tomorrow" in sentence_of("reading_contradicted", figures)


def test_a_code_of_another_version_is_its_own_sentence() -> None:
    assert sentence_of("of_tomorrow", {}) == "of_tomorrow"
    assert sentence_of("reserve_wrong", {}) == "reserve_wrong"
    assert outline_of("of_tomorrow") == label("of_tomorrow") == "of_tomorrow"


@pytest.mark.parametrize(
    ("code", "known", "english", "korean"),
    [
        # The label, where a figure is missing in the middle
        ("change_too_small", {}, "change too small", "변화량 부족"),
        ("below_threshold", {}, "change below the threshold", "임계값 미달"),
        ("exchange_timeout", {"venue": "okx"}, "no answer in time", "응답 시간 초과"),
        # The sentence, where nothing is missing
        ("open_position", {}, "There is an open position, so capital is not reallocated.",
         "열린 포지션이 존재하여 재할당 불가"),
    ],
)  # fmt: skip
def test_an_outline_shows_no_gaps(
    code: str, known: dict[str, str], english: str, korean: str
) -> None:
    for language, words in (("en", english), ("ko", korean)):
        with translation.override(language):
            assert outline_of(code, **known) == words


def test_an_outline_leaves_out_brackets_of_which_nothing_is_known() -> None:
    assert "(" not in outline_of("exchange_error", venue="okx")
    assert "okx" in outline_of("exchange_error", venue="okx")


@pytest.mark.parametrize(
    "code",
    [
        "partly_held", "unchanged_beside_held", "bounds_changed", "target_changed",
        "over_committed", "holdings_unpriced", "tied_up_unknown", "books_missing", "books_behind",
        "change_too_small", "balance_changed", "no_balance", "jump_suspected",
        "wallet_mode_differs", "wallet_mode_unreadable", "exchange_refused_key", "exchange_paused",
    ],
)  # fmt: skip
def test_what_an_account_keeps_of_a_check_or_a_sync_has_no_hole(code: str) -> None:
    for language in ("en", "ko"):
        with translation.override(language):
            said = outline_of(code, venue="okx")
        assert "…" not in said
        assert said != code


def test_an_outline_of_a_pause_says_which_exchange_and_for_how_long() -> None:
    assert outline_of("exchange_paused", venue="okx") == (
        "okx failed several times in a row, so it is asked less often until it answers."
    )


def test_an_outline_leaves_out_a_list_of_which_nothing_is_known() -> None:
    assert outline_of("bounds_changed") == "Changed fixed amount or limits."


def test_an_outline_without_a_label_has_an_ellipsis_for_what_is_missing() -> None:
    assert "…" in outline_of("unknown_symbol", venue="okx")


@pytest.mark.parametrize("code", [code for code in Code if code.name.startswith("EXCHANGE_")])
def test_every_failure_of_an_exchange_has_a_label(code: Code) -> None:
    assert label(code) != code


def test_amounts_have_separators_and_their_currency_s_decimals() -> None:
    reason = Reason(Code.CHANGE_TOO_SMALL, TOO_SMALL)
    dollars = Reason(
        Code.CHANGE_TOO_SMALL, {"change": "1234.5", "threshold": "5000", "currency": "USDT"}
    )

    with translation.override("ko"):
        assert sentence(reason) == "변화량 부족 (0 KRW < 10,000 KRW)"
    assert "1,234.50 USDT" in sentence(dollars)
    assert "5,000.00 USDT" in sentence(dollars)
    assert reason.figures == TOO_SMALL


def test_quantities_keep_their_digits() -> None:
    reason = Reason(Code.CLOSE_LEAVES_REST, {"rest": "1234.0001"})

    assert "1,234.0001" in sentence(reason)


def test_numbers_that_name_something_have_no_separators() -> None:
    assert "12345" in sentence(Reason(Code.UNKNOWN_RUN, {"run": "12345"}))


@pytest.mark.usefixtures("seoul")
def test_times_are_local_and_without_a_zone() -> None:
    figures = {"venue": "upbit", "failures": "5", "until": "2026-11-26T14:06:02+00:00"}

    assert "2026-11-26 23:06:02" in sentence(Reason(Code.EXCHANGE_PAUSED, figures))


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59+00:00"])
def test_a_time_that_the_site_s_zone_does_not_have_is_shown_as_it_was_told(moment: str) -> None:
    assert moment in sentence(Reason(Code.MOMENT_TOO_OLD, {"moment": moment}))


def test_text_where_a_number_was_expected_is_shown_as_it_is() -> None:
    figures = {"row": "run 1", "what": "created_at", "moment": "soon"}

    assert "soon" in sentence(Reason(Code.TIME_IN_FUTURE, figures))
    assert "∞" in sentence(Reason(Code.BALANCE_CHANGED, {"percent": "∞"}))


# What makers give as figures, by name: stored words, codes, amounts, rows. That each maker gives
# the figures of its sentence is held while the suite runs (tests/makers.py).
FIGURES = {
    "month": "2026-11",
    "year": "2026",
    "accepted": "40", "account": "MAIN", "account_id": "3", "account_venue": "OKX",
    "accounts": "MAIN, SECOND",
    "after": "-5", "allocated": "7", "amount": "-5",
    "number": "0", "argument": "trigger", "asked": "150", "balance": "1234.5",
    "base": "BTC", "basis": "equity", "before": "5", "by": "16", "candidates": "3 = MAIN",
    "capital": "9", "cause": "exchange_timeout", "change": "0.5", "code": "share", "cost": "9",
    "coins": "BTC, ETH", "command": "pg_dump",
    "columns": "PRICE", "most": "100,000", "order": "DRY_1", "text": "1.5.", "venues": "A, B",
    "currency": "USDT", "date": "2026-11-26", "decimals": "9", "delivery": "d-1", "days": "31",
    "differences": "live", "ending": "5", "entry": "12", "expected": "6", "failures": "5",
    "question": "GET /V1", "rows": "2", "digits": "20",
    "file": "/2026-11/1", "fill": "21", "flow": "22", "position_side": "short",
    "nearest": "BTC/USDT", "exchange": "BYBIT", "words": "SIDE", "placeholder": "TICKER",
    "leverage": "0", "address": "203.0.113.7", "network": "'X'",
    "stake": "300", "others": "QTY", "stake_of": "'ALL'", "names": "qty_per",
    "symbols": "BTC/USDT", "positions": "-2 BTC/USDT:USDT",
    "field": "capital.Account.reserve_amount", "held": "0.5", "hours": "30", "key": "k-1",
    "kind": "ERR", "known": "A, B", "largest": "2,000", "last": "13", "later": "15",
    "latest": "2026-01-31", "least": "30", "received_at": "2026-11-26T00:00:00+09:00",
    "limit": "10", "link": "4", "live": "exchange_timeout", "longest": "200", "marked": "True",
    "market": "futures", "minutes": "5", "missing": "api_secret", "mode": "unified",
    "model": "AllocationRun", "modes": "separate", "moment": "2026-11-26T14:08:06+00:00",
    "name": "price", "needed": "allocate", "observed": "50",
    "observed_at": "2026-11-26T00:00:00+09:00", "order_type": "'FOK'", "other": "8",
    "outcome": "applied", "parts": "spot, 4", "percent": "12.5",
    "permission": "capital.accept_jump", "pool": "spot", "pools": "spot, futures",
    "position": "2", "price": "100", "problem": "no weight is above zero", "quantity": "0.1",
    "quote": "KRW", "rate": "-1", "recorded": "4", "reserve": "1", "rest": "0.001",
    "restored": "250", "reverts": "12", "row": "run 5", "run": "14", "run_key": "'k'",
    "runs": "1, 2", "said": "separate", "schedule": "NIGHTLY", "scope": "read",
    "seconds": "15", "settle": "BTC", "shortfall": "200",
    "status": "451",
    "side": "sell", "source": "cached", "starting": "5", "stop": "90", "strategies": "TREND",
    "strategy": "TREND", "summary": "8", "symbol": "BTC/USDT", "task": "'OS.SYSTEM'",
    "threshold": "10000", "extras": "HOOK",
    "times": "2", "token": "'cap_1'", "unallocated": "1", "unexplained": "200",
    "until": "2026-11-26T14:06:02+00:00",
    "user": "ALICE", "value": "'1_0'", "venue": "OKX", "what": "created_at",
    "why": "live_disabled", "wins": "qty_per",
}  # fmt: skip
# Where a name stands for something else.
FIGURES_OF = {
    Code.DESK_FILE_UNREADABLE: {"line": "7"},
    Code.FILE_LINE_UNREADABLE: {"line": "7"},
    Code.FILE_LINE_TOO_WIDE: {"line": "7"},
    Code.LINE_FUNDING_TWICE: {"line": "7"},
    Code.FUNDING_DIFFERS: {"recorded": "5", "told": "7", "currency": "USDT"},
    Code.DESK_FILE_VERSION: {"line": "2", "version": "2", "known": "1"},
    Code.DESK_FIELD_UNKNOWN: {"line": "7", "name": "7", "known": "8"},
    Code.DESK_FIELD_REFUSED: {"line": "7", "name": "7", "problem": "0"},
    Code.AUDIT_FOUND: {"count": "2", "account_id": "7"},
    Code.JOB_IS_LATE: {"job": "7"},
    Code.CLUSTER_SILENT: {"cluster": "7", "since": "2026-11-26T14:06:02+00:00"},
    Code.CHANNEL_UNKNOWN: {"channel": "SMS"},
    Code.CHANNEL_ANSWERED: {"status": "500"},
    Code.DRAWDOWN_NEAR: {"percent": "8.20", "limit": "10"},
    Code.DAILY_LOSS_AMOUNT_NEAR: {"loss": "80.00", "limit": "100.00", "currency": "USDT"},
    Code.DAILY_LOSS_AMOUNT_REACHED: {"loss": "100.00", "limit": "100.00", "currency": "USDT"},
    Code.LIMIT_NOT_JUDGED: {"cause": "no_books"},
    Code.CUT_TO_AVAILABLE: {"available": "104.5"},
    Code.ABOVE_AVAILABLE: {"cost": "500", "available": "104.5"},
    Code.RESERVATION_WAITS: {"count": "2", "amount": "500"},
    Code.RESERVATION_ENDED: {"state": "used"},
    Code.STOPPED: {"since": "2026-11-26T14:06:02+00:00", "cause": "민수"},
    Code.STOP_REASON_TOO_LONG: {"longest": "500"},
    Code.BALANCE_IS_CALLED: {"field": "TOTAL"},
    Code.ROLE_TOO_SMALL: {"role": "viewer", "needed": "operator", "account": "7"},
    Code.LINK_ACROSS_OWNERS: {"owner": "민수", "other": "지수"},
    Code.LINK_WITHOUT_WEBHOOK: {"owner": "민수", "other": "지수"},
    Code.ACCOUNTS_PASSED_OVER: {"count": "2"},
    Code.ACCOUNTS_UNREADABLE: {"count": "3", "all": "5", "venues": "OKX 2, UPBIT 1"},
    Code.HAS_HISTORY: {"what": "계좌"},
    Code.POSITION_NOT_OF_FILLS: {"what": "quantity"},
    Code.DAY_NOT_OF_FILLS: {"what": "volume"},
    Code.DAY_NOT_OF_POSITIONS: {"what": "volume"},
    Code.DAY_START_WRONG: {"what": "equity_start"},
    Code.SUMMARY_NOT_OF_LINKS: {"what": "total_fees"},
    Code.SYMBOL_OF_OTHER_MARKET: {"kind": "spot"},
}
# Latin words that a Korean sentence may have: what is typed, and what has no other name.
TYPED = {
    "accept", "account", "action", "allocate", "audit", "both", "budget", "buy", "cap", "capital",
    "ccxt", "client", "close", "create", "fills", "force", "freqtrade", "id", "import", "jobs",
    "jump", "limit", "long", "manage", "margin", "market", "markets", "nonce", "notional", "of",
    "order", "per", "position", "price", "py", "python", "qty", "raise", "rates", "reallocate",
    "desk", "dump", "export", "file", "ostgre",
    "passphrase", "pg", "replace", "risk", "sell", "share", "short", "side", "stake", "stop",
    "strategy", "sync", "timenow", "token", "venue",
}  # fmt: skip


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_sentence_is_whole_in_both_languages(code: Code, language: str) -> None:
    names = {name for _, name, _, _ in Formatter().parse(code.english) if name}
    figures = FIGURES | FIGURES_OF.get(code, {})
    reason = Reason(code, {name: figures[name] for name in names})

    with translation.override(language):
        text = sentence(reason)

    assert not re.search(r"[{}…]|\(을\)|\(를\)|\(은\)|\(는\)|\(이\)|\(가\)|\(으\)|  ", text)
    assert not re.search(r"exchange_timeout|live_disabled|api_secret|T14:0|\bunified\b(?! )", text)
    if language == "ko":
        latin = re.findall("[a-z]{2,}", text.replace("Idempotency-Key", ""))
        assert set(latin) <= TYPED
