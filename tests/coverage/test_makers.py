"""What is noticed of a reason that the code makes."""

from collections.abc import Iterator

import pytest

from capital.domain.errors import UnknownRun
from capital.domain.money import parse_amount
from capital.domain.reasons import Code, Reason
from capital.services.sentences import sentence_of
from tests.makers import MAKERS, Makers, faults_of


@pytest.fixture
def makers() -> Iterator[Makers]:
    """One that has seen nothing yet, beside that of the suite."""
    begin = Reason.__init__
    yield Makers()
    Reason.__init__ = begin  # type: ignore[method-assign]


def test_suite_is_watched() -> None:
    assert "invalid_amount" in _made_by_parsing(MAKERS)


def _made_by_parsing(makers: Makers) -> set[str]:
    with pytest.raises(Exception, match="plain decimal"):
        parse_amount("one")
    return makers.codes


def test_reason_of_the_code_is_noted_once_with_its_place(makers: Makers) -> None:
    assert _made_by_parsing(makers) == _made_by_parsing(makers) == {"invalid_amount"}
    ((reason, maker),) = makers.waiting
    assert reason.figures == {
        "value": "'one'",
        "problem": "it is not a plain decimal number such as 1500.25",
    }
    assert maker.startswith("domain/money.py:")
    assert list(makers.faults()) == makers.waiting == []


def test_reason_of_a_test_or_of_a_stored_row_is_nobodys(makers: Makers) -> None:
    Reason(Code.UNKNOWN_RUN, {})
    UnknownRun(run="1")
    sentence_of("unknown_run", {"run": "1"})

    assert makers.codes == set()


def test_fault_names_the_maker(makers: Makers) -> None:
    makers.waiting.append((Reason(Code.UNKNOWN_RUN, {"rum": "1"}), "services/x.py:7"))

    assert list(makers.faults()) == [
        "services/x.py:7 makes UNKNOWN_RUN with {'rum': '1'}: the sentence needs run"
    ]


@pytest.mark.parametrize(
    ("code", "figures", "faults"),
    [
        (Code.UNKNOWN_RUN, {"run": "1"}, []),
        (Code.UNKNOWN_RUN, {}, ["the sentence needs run"]),
        (Code.UNKNOWN_ACCOUNT, {"account": "{0}  …"}, []),
        (
            Code.UNKNOWN_ACCOUNT,
            {"account": "exchange_timeout"},
            ["it shows account as it is stored"] * 2,
        ),
    ],
)
def test_sentence_is_judged_in_both_languages(
    code: Code, figures: dict[str, str], faults: list[str]
) -> None:
    assert [fault.split(":")[0] for fault in faults_of(Reason(code, figures))] == faults
