"""A sentence shows its figures as pages do; what is stored and sent stays as it is."""

import pytest
from django.utils import translation

from capital.domain.reasons import Code, Reason
from capital.services.sentences import outline_of, sentence, sentence_of

TOO_SMALL = {"change": "0", "threshold": "10000", "currency": "KRW"}


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


@pytest.mark.parametrize(
    ("code", "figures", "names"),
    [
        (Code.NO_BALANCE, {"pools": "spot, futures"}, ["현물, 선물"]),
        (Code.WALLET_MODE_NOT_ON_VENUE,
         {"venue": "upbit", "mode": "unified", "modes": "separate"}, ["통합 지갑", "분리 지갑"]),
        (Code.BASIS_NOT_TOLD, {"venue": "upbit", "basis": "equity"}, ["평가 자산"]),
        (Code.SCOPE_TOO_SMALL, {"scope": "read", "needed": "size"}, ["조회", "주문 수량"]),
        (Code.CREDENTIALS_MISSING, {"missing": "api_key, api_secret"}, ["API 키, API 시크릿"]),
        (Code.CLOSE_ON_WRONG_SIDE,
         {"position": "0.5", "symbol": "BTC/USDT", "side": "sell"}, ["매도"]),
    ],
)  # fmt: skip
def test_pools_modes_and_states_have_korean_names(
    code: Code, figures: dict[str, str], names: list[str]
) -> None:
    with translation.override("ko"):
        told = sentence(Reason(code, figures))

    assert [name for name in names if name not in told] == []


def test_times_are_local_and_without_a_zone() -> None:
    figures = {"venue": "upbit", "failures": "5", "until": "2026-11-26T14:06:02+00:00"}

    assert "2026-11-26 23:06:02" in sentence(Reason(Code.EXCHANGE_PAUSED, figures))


def test_text_where_a_number_was_expected_is_shown_as_it_is() -> None:
    figures = {"row": "run 1", "what": "created_at", "moment": "soon"}

    assert "soon" in sentence(Reason(Code.TIME_IN_FUTURE, figures))
    assert "∞" in sentence(Reason(Code.BALANCE_CHANGED, {"percent": "∞"}))


def test_brackets_go_where_their_figures_were_not_kept() -> None:
    with translation.override("ko"):
        assert outline_of("change_too_small") == "변화량 부족"
        assert outline_of("exchange_unreachable", venue="upbit").startswith("upbit")


def test_code_of_another_version_is_shown_as_it_is() -> None:
    assert sentence_of("of_tomorrow", {}) == "of_tomorrow"
    assert outline_of("of_tomorrow") == "of_tomorrow"
