import re
from string import Formatter

import pytest

from capital.domain import errors
from capital.domain.errors import BalanceUnavailable, CapitalError
from capital.domain.reasons import Code, Reason
from tests.paths import ROOT


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


ERROR_CLASSES = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, CapitalError) and error is not CapitalError
]
# The others say at each raise why.
WITH_OWN_CODE = [error for error in ERROR_CLASSES if hasattr(error, "code")]


@pytest.mark.parametrize("code", Code)
def test_every_code_has_an_english_sentence(code):
    assert code.english.endswith(".")
    assert code.english[0].isupper() or code.english.startswith(("{", "“"))


def test_every_code_is_made_somewhere():
    made = {
        name
        for path in (ROOT / "capital").rglob("*.py")
        if path != ROOT / "capital/domain/reasons.py"
        for name in re.findall(r"\bCode\.([A-Z_]+)", path.read_text(encoding="utf-8"))
    }

    assert made >= {code.name for code in Code}


@pytest.mark.parametrize("code", Code)
def test_every_placeholder_has_a_name_and_no_format(code):
    for _, name, format_spec, conversion in Formatter().parse(code.english):
        assert name is None or name.isidentifier()
        assert not format_spec
        assert not conversion


@pytest.mark.parametrize("code", Code)
def test_a_sentence_shows_all_its_figures(code):
    figures = {name: f"<{name}>" for name in placeholders(code.english)}

    sentence = Reason(code, figures).english

    assert all(figure in sentence for figure in figures.values())
    assert "{" not in sentence


# Refusals of commands that have no page.
OF_COMMANDS = (Code.BACKUP_WOULD_REPLACE, Code.DESK_PASSPHRASE_NEEDED)


@pytest.mark.parametrize("code", [code for code in Code if code not in OF_COMMANDS])
def test_a_sentence_names_no_command_since_pages_show_it_beside_a_button(code):
    assert not re.search(r"(^|\s)--[a-z]|manage\.py", code.english)


def test_codes_fit_their_column():
    assert max(len(code) for code in Code) <= 40


def test_codes_are_lower_case_words():
    assert all(code.value == code.name.lower() for code in Code)


def test_a_code_that_this_version_does_not_know_is_none():
    assert Code.get("kept") is Code.KEPT
    assert Code.get("of_tomorrow") is None


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        (
            "is_idle",
            {"strategy_paused", "strategy_archived", "link_inactive", "market_not_on_venue"},
        ),
        ("keeps_capital", {"kept", "held", "pool_kept"}),
        ("is_of_revert", {"restored", "untouched"}),
        (
            "is_by_reading",
            {
                "share",
                "share_of_own",
                "share_by_volatility",
                "share_without_volatility",
                "kept",
                "pool_kept",
            },
        ),
        (
            "is_benign",
            {"nothing_to_allocate", "open_position", "change_too_small", "below_threshold"},
        ),
    ],
)
def test_what_is_so_of_some_codes_only(name, codes):
    assert {code.value for code in Code if getattr(code, name)} == codes


def test_a_figure_in_braces_is_shown_as_it_is():
    reason = Reason(Code.UNKNOWN_ACCOUNT, {"account": "{0.__class__}"})

    assert reason.english == "There is no account {0.__class__}. Give its id or its exact name."


@pytest.mark.parametrize("error_class", WITH_OWN_CODE)
def test_every_error_is_its_english_sentence(error_class):
    figures = {name: f"<{name}>" for name in placeholders(error_class.code.english)}

    error = error_class(**figures)

    assert isinstance(error, CapitalError)
    assert error.reason == Reason(error_class.code, figures)
    assert str(error) == error.reason.english
    assert all(figure in str(error) for figure in figures.values())


def test_no_two_errors_share_a_code():
    codes = [error.code for error in WITH_OWN_CODE]

    assert len(set(codes)) == len(codes)


def test_an_unavailable_balance_says_why():
    error = BalanceUnavailable(Code.EXCHANGE_TIMEOUT, venue="okx", seconds="15")

    assert str(error) == "okx did not answer within 15 seconds."
    assert error.reason == Reason(Code.EXCHANGE_TIMEOUT, {"venue": "okx", "seconds": "15"})


def test_class_of_an_error_is_named_only_where_the_log_is_to_be_searched_for_it() -> None:
    """Whose key was refused learns nothing from “AuthenticationError”; the figures keep it."""
    naming = {code.value for code in Code if "({kind})" in code.english}

    assert naming == {
        "database_error",
        "unexpected_error",
        "job_failed",
        "signal_failed",
        "record_unreadable",
        # Where it may be words
        "exchange_bad_answer",
        "exchange_bad_markets",
        "exchange_rate_limited",
        # Kinds of other things
        "backup_of_other_kind",
        "symbol_of_other_market",
    }


def test_what_an_exchange_did_is_told_in_words_and_not_by_a_class() -> None:
    figures = {"venue": "okx", "kind": "listed twice"}
    told = Reason(Code.EXCHANGE_BAD_ANSWER, figures)
    unsaid = Reason(Code.EXCHANGE_BAD_ANSWER, {**figures, "kind": "InvalidAmount"})

    assert told.english == "The answer from okx is not a valid balance (listed twice)."
    assert unsaid.english == "The answer from okx is not a valid balance."
    assert unsaid.figures["kind"] == "InvalidAmount"
