"""English messages are written as a good README is, not translated word by word."""

import re

import pytest

from tests.house.catalogue import our_messages

# What is not written, and what is written instead.
REFUSED = {
    r"to be had": "available, could not get",
    r"held against": "tested against, verified against",
    r"\banew\b": "again, replace",
    r"stands? in for|stands? in\b": "is used instead",
    r"who are you": "Unauthorized",
    r"our mistake": "Internal server error",
    r"\bjobs? (?:is|are|run)[^.]* in time\b": "on time",
    r"is to know of|was come by": "say what it is",
    r"\b(?:least|most|largest|oldest) (?:cost|amount|change|jump|cache)\b": "minimum, maximum",
    r"needs a look": "needs attention",
    r"bears? what": "covers",
}


@pytest.mark.parametrize(("phrase", "instead"), REFUSED.items())
def test_no_message_has_a_phrase_that_is_refused(phrase: str, instead: str) -> None:
    found = [text for text in our_messages() if re.search(phrase, text, re.IGNORECASE)]

    assert found == [], f"write: {instead}"
