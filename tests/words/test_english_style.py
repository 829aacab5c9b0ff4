"""English is written as a good README is, not translated word by word: on pages and in the code."""

import re
from collections.abc import Iterator
from functools import cache

from tests.house.catalogue import our_messages
from tests.paths import ROOT

# What is not written anywhere, and what is written instead.
REFUSED = {
    r"to be had": "available, could not get",
    r"held against": "tested against, verified against",
    r"\banew\b": "again, replace",
    r"who are you": "Unauthorized",
    r"our mistake": "Internal server error",
    r"\bjobs? (?:is|are|run) in time\b": "on time",
    r"is to know of|was come by": "say what it is",
    r"needs a look": "needs attention",
    r"bears? what|balance bears": "covers",
    r"\btak(?:e|es|en|ing) (?:a|the|one) run back|\brun is taken back": "revert",
    r"\bhangs? on (?:it|them|these|him|her)\b": "belongs to, refers to",
    r"as one that never was": "like one that does not exist",
    r"slip of the pen": "typo",
    r"is it well": "Monitoring",
    r"is believed\b": "is accepted",
}
# What no message says.
REFUSED_IN_MESSAGES = {
    r"stands? in for|stands? in\b": "is used instead",
    r"\b(?:least|most|largest|oldest) (?:cost|amount|change|jump|cache)\b": "minimum, maximum",
}
# The terms that mislead where they are only shown, and what is shown instead.
NOT_SHOWN = {
    r"\bdesks?\b": "site, demo data, dashboard",
    r"\bvenues?\b": "exchange",
    r"\bgates?\b(?! *\.io)": "due check",
    r"\bworth\b(?! (?:RATE|of))": "order value",
    r"\bunproven\b|\bproven\b": "untested, tested",
    r"\bdecisions?\b|\bdecided\b": "allocation, allocate",
    r"\bbasis\b": "balance type",
    r"\brun \{|\brun #|\bruns?: \d": "allocation #",
    r"\bdelivery\b|\bdeliveries\b": "webhook event, signal",
    r"\ba text\b|\bas text\b": "string",
}
WRITTEN = (
    "*.md",
    "Makefile",
    "docs/**/*.md",
    *(f"{app}/**/*.py" for app in ("capital", "capital_project", "strategies", "benchmarks")),
    *(f"{app}/**/*.html" for app in ("capital", "capital_project")),
    "tests/**/*.py",
)


@cache
def messages() -> list[str]:
    return list(our_messages())


def texts() -> Iterator[tuple[str, str]]:
    """Each file that people read, with its path, but for those that name what is refused."""
    for pattern in WRITTEN:
        for path in sorted(ROOT.glob(pattern)):
            if path.parent.name != "words":
                # A sentence may be broken at the end of a line, before a comment's sign.
                yield (
                    str(path.relative_to(ROOT)),
                    re.sub(r"\s*\n\s*#?\s*", " ", path.read_text("utf-8")),
                )


def test_no_message_comment_or_document_has_a_phrase_that_is_refused() -> None:
    refused = re.compile("|".join(REFUSED), re.IGNORECASE)
    found = [
        (path, text[max(match.start() - 60, 0) : match.end() + 60])
        for path, text in [*texts(), *(("message", each) for each in messages())]
        for match in refused.finditer(text)
    ]

    assert found == [], REFUSED


def test_no_message_has_a_phrase_that_is_refused_or_a_term_that_misleads() -> None:
    found = {
        instead: texts
        for term, instead in (REFUSED_IN_MESSAGES | NOT_SHOWN).items()
        if (texts := [text for text in messages() if re.search(term, _TYPED.sub("", text))])
    }

    assert found == {}


# What is typed or filled in stays what it is: --venue, {venue}, %(run)s.
_TYPED = re.compile(r"--[\w-]+|\{\w*\}|%\(\w+\)s|docs/\S+|make \w+")
