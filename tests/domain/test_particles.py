"""A particle fits the word before it, as the word is read aloud."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.particles import Ending, ending, is_open, resolve


def written(pairs: str) -> list[tuple[str, str]]:
    """``given → wanted``, one a line."""
    return [
        (before, after)
        for line in pairs.strip().splitlines()
        for before, _, after in [line.strip().partition(" → ")]
    ]


@pytest.mark.parametrize(
    ("given", "wanted"),
    written(
        """
        선물을(를) → 선물을
        통합(으)로 → 통합으로
        선물(으)로 → 선물로
        현물이(가) → 현물이
        계좌와(과) → 계좌와
        전략와(과) → 전략과
        계좌(이)나 → 계좌나
        전략(이)며 → 전략이며
        """
    ),
)
def test_korean_word_is_read_by_its_last_syllable(given: str, wanted: str) -> None:
    assert resolve(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    written(
        """
        배분 #14은(는) 이미 배분 #16(으)로 → 배분 #14는 이미 배분 #16으로
        배분 #999을(를) 찾을 수 없습니다 → 배분 #999를 찾을 수 없습니다
        0이(가) → 0이
        1(으)로 → 1로
        2은(는) → 2는
        3을(를) → 3을
        7(으)로 → 7로
        10은(는) → 10은
        31(으)로 → 31로
        60(으)로 → 60으로
        100(으)로 → 100으로
        10,000이(가) → 10,000이
        20,001을(를) → 20,001을
        100,000,000은(는) → 100,000,000은
        1,000,000,000,000은(는) → 1,000,000,000,000는
        10,000,000,000,000,000은(는) → 10,000,000,000,000,000은
        0.024이(가) → 0.024가
        0.10이(가) → 0.10이
        1,234.50은(는) → 1,234.50은
        1,234.56(으)로 → 1,234.56으로
        -5은(는) → -5는
        150%을(를) → 150%를
        2026-11-26은(는) → 2026-11-26은
        23:08(으)로 → 23:08로
        ③이(가) → ③이
        """
    ),
)
def test_number_is_read_as_a_number(given: str, wanted: str) -> None:
    assert resolve(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    written(
        """
        BTC(으)로 → BTC로
        USDT을(를) → USDT를
        10,000 KRW은(는) → 10,000 KRW는
        SOL이(가) → SOL이
        XLM이(가) → XLM이
        XRP을(를) → XRP를
        EUR은(는) → EUR는
        BTC/USDT:USDT은(는) → BTC/USDT:USDT는
        API(으)로 → API로
        bithumb은(는) → bithumb은
        kraken이(가) → kraken이
        kucoin을(를) → kucoin을
        binance은(는) → binance는
        upbit은(는) → upbit는
        bybit와(과) → bybit와
        sell(으)로 → sell로
        trend은(는) → trend는
        Trader은(는) → Trader는
        momentum을(를) → momentum을
        Volume이(가) → Volume이
        swing은(는) → swing은
        Grid Bot은(는) → Grid Bot은
        wallet이(가) → wallet이
        stop(으)로 → stop으로
        feedback은(는) → feedback은
        candle(으)로 → candle로
        breakout은(는) → breakout은
        account을(를) → account를
        café은(는) → café는
        n이(가) → n이
        """
    ),
)
def test_latin_word_is_read_by_its_sound_and_a_code_by_its_letters(given: str, wanted: str) -> None:
    assert resolve(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    written(
        """
        'nope'이(가) → 'nope'가
        “선물”을(를) → “선물”을
        ‘통합 지갑’(으)로 → ‘통합 지갑’으로
        [kraken]은(는) → [kraken]은
        풀 선물(행 12)이(가) → 풀 선물(행 12)이
        계좌(10 USDT)을(를) → 계좌(10 USDT)를
        (12)이(가) → (12)가
        USDT…은(는) → USDT…는
        trend_은(는) → trend_는
        bithumb*은(는) → bithumb*은
        <strong>bithumb</strong>은(는) → <strong>bithumb</strong>은
        <a href="/upbit/">선물</a>을(를) → <a href="/upbit/">선물</a>을
        &quot;bithumb&quot;은(는) → &quot;bithumb&quot;은
        &#x27;선물&#x27;(으)로 → &#x27;선물&#x27;로
        """
    ),
)
def test_quotes_brackets_and_markup_are_passed_over(given: str, wanted: str) -> None:
    assert resolve(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    written(
        """
        선물을/를 → 선물을
        선물 을/를 → 선물을
        거래소 (으)로 → 거래소로
        배분 내역 를(을) 선택 → 배분 내역을 선택
        계좌(이)가 → 계좌가
        전략(은)는 → 전략은
        전략과/와 비밀번호 → 전략과 비밀번호
        """
    ),
)
def test_every_way_of_writing_both_forms_is_known(given: str, wanted: str) -> None:
    assert resolve(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    written(
        """
        —은(는) → —는
        …이(가) → …가
        東을(를) → 東를
        🚀(으)로 → 🚀로
        은(는) → 는
        """
    ),
)
def test_what_cannot_be_read_counts_as_ending_in_a_vowel(given: str, wanted: str) -> None:
    assert resolve(given) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Run 14 (kept)",
        "추가/이전",
        "계좌(들)",
        "(이)",
        "매수/매도",
        "자본을 배분했습니다.",
        "와/과정",
    ],
)
def test_what_has_no_particle_in_both_forms_stays(text: str) -> None:
    assert resolve(text) == text


def test_decomposed_korean_is_read_as_composed() -> None:
    assert resolve("\u1109\u1165\u11ab\u1106\u116e\u11af(으)로").endswith("\u11af로")


@given(st.text(max_size=30), st.sampled_from(["은(는)", "이(가)", "을(를)", "와(과)", "(으)로"]))
def test_any_word_gets_one_form(word: str, particle: str) -> None:
    assert not resolve(word + particle).endswith(particle)


def test_hostile_name_costs_no_more_than_a_long_one() -> None:
    for piece in ("<>", "<(", "&#1;", "(", "&"):
        assert resolve(f"{piece * 20_000}은(는)").endswith("는")


@pytest.mark.parametrize(
    ("given", "wanted"),
    written(
        """
        힣이(가) → 힣이
        (선물)이(가) → (선물)이
        ROBOT은(는) → ROBOT는
        CARROT은(는) → CARROT은
        hdr이(가) → hdr이
        at은(는) → at은
        100,000,000,000,000,000,000은(는) → 100,000,000,000,000,000,000는
        10,000,000,000,000,000,000은(는) → 10,000,000,000,000,000,000은
        000,000,000,000은(는) → 000,000,000,000은
        """
    ),
)
def test_words_at_the_edge_of_a_rule(given: str, wanted: str) -> None:
    assert resolve(given) == wanted


@pytest.mark.parametrize(
    ("word", "read"),
    [("선", Ending.CONSONANT), ("물", Ending.RIEUL), ("추가", Ending.VOWEL), ("—", Ending.VOWEL)],
)
def test_ending_of_a_word(word: str, read: Ending) -> None:
    assert ending(word) is read


@pytest.mark.parametrize(
    ("text", "expected"), [("선물을(를)", True), ("선물을", False), ("a(b)", False)]
)
def test_text_is_open_where_a_particle_has_both_forms(text: str, expected: bool) -> None:
    assert is_open(text) is expected
