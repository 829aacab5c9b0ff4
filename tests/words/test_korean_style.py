"""The Korean catalogue keeps one style: words, particles, level of address, counters."""

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from tests.paths import ROOT

CATALOGUE = ROOT / "locale" / "ko" / "LC_MESSAGES" / "django.po"
PARTICLE = "이|가|은|는|을|를|와|과|으로|로"
PLACEHOLDER = r"(?:\{\w*\}|%\(\w+\)s)"
# What is not written, and what is written instead.
NOT_USED = {
    "예비금": "유보금",
    "가중치": "비중",
    "일별 요약": "일일 요약",
    "지갑 모드": "지갑 방식",
    "자격 증명": "API 인증 정보",
    "(?<!확)인정": "승인",
    "수락": "승인",
    "비밀키|비밀값": "시크릿",
    "일시 중지": "일시정지",
    "재배분": "재할당",
    "(?<!재)할당": "배분",
    "잔액": "잔고",
    "시장(?!가)": "마켓",
    "퍼센트": "%",
    "호가 통화": "상대 통화",
    "수신 ID|전달 ID": "신호 ID",
    "담당자": "운영자",
    "계약 크기": "계약 단위",
    "암호문구": "패스프레이즈",
    "가용": "사용 가능",
    "스케줄": "예약",
    "배분 실행": "배분 내역",
    "제때": "정상",
    "되돌려진": "되돌린",
    "살펴봐야": "확인이 필요한",
    "계정": "계좌",
    "진입가(?! ?격)": "진입 가격",
    "청산": "종료",
    "펀딩(?!비)": "펀딩비",
    "잔고 유형": "잔고 기준",
    "예비 코드": "백업 코드",
    "알림 대상": "알림 수신처",
    "(?:작업 |\\()큐": "대기열",
    "스태프": "관리자 화면 접근",
    "(?<!자)관리 화면": "관리자 화면",
    "(?:계좌|전략) 화면": "계좌 페이지, 전략 페이지",
    "그 사이": "그사이",
    "[“”]": "‘ and ’",
}
# Labels and sentences that differ by their first letter or full stop only, and mean two things.
TWO_FORMS = {"action", "added", "not found"}


def _texts(entry: Message) -> Iterator[tuple[str, str]]:
    ids = entry.id if isinstance(entry.id, tuple | list) else (entry.id,)
    korean = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
    for text in korean:
        yield str(ids[0]), str(text)


def entries() -> list[tuple[str, str, str]]:
    """Context, English and Korean of each message."""
    with CATALOGUE.open("rb") as file:
        return [
            (entry.context or "", english, korean)
            for entry in read_po(file)
            if entry.id
            for english, korean in _texts(entry)
        ]


ENTRIES = entries()


@pytest.mark.parametrize(("pattern", "instead"), NOT_USED.items())
def test_a_thing_has_one_korean_word(pattern: str, instead: str) -> None:
    assert [korean for _, _, korean in ENTRIES if re.search(pattern, korean)] == [], instead


def test_no_particle_is_fixed_after_a_placeholder() -> None:
    fixed = re.compile(rf"{PLACEHOLDER}[)\]]?(?:{PARTICLE})(?=[\s,.:]|$)")

    assert [korean for _, _, korean in ENTRIES if fixed.search(korean)] == []


def test_particles_are_written_in_both_forms_the_one_way() -> None:
    other_way = re.compile(
        r"(?<=[가-힣]) (?:을|를|이|가|은|는)/|를\(을\)|는\(은\)|가\(이\)|\((?:을|이|은)\)[를가는]"
    )

    assert [korean for _, _, korean in ENTRIES if other_way.search(korean)] == []


def test_no_bare_percent_stands_where_django_may_format() -> None:
    bare = re.compile(r"%(?!\(\w+\)[sd])")

    assert [
        korean
        for _, english, korean in ENTRIES
        if bare.search(korean) and not bare.search(english) and "{" not in english
    ] == []


def test_requests_have_one_level_of_address() -> None:
    assert [korean for _, _, korean in ENTRIES if re.search(r"십시오|바랍니다", korean)] == []


def test_no_blank_stands_before_a_counter() -> None:
    blank = re.compile(r"\d (?:개|건|번|초|분|시간|일|자)(?![가-힣])")

    assert [korean for _, _, korean in ENTRIES if blank.search(korean)] == []


def test_one_english_message_has_one_korean() -> None:
    senses: dict[tuple[str, str], set[str]] = defaultdict(set)
    for context, english, korean in ENTRIES:
        senses[context, english.lower().strip(".:")].add(korean)

    several = {english: found for (_, english), found in senses.items() if len(found) > 1}
    assert {english: found for english, found in several.items() if english not in TWO_FORMS} == {}
