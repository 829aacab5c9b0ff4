"""One message is one thing: an English word with two meanings has a context for each."""

from django.utils.translation.trans_real import CONTEXT_SEPARATOR

from tests.house.catalogue import first, key_of, library_korean, our_messages, read

# Words that are verb and noun, or thing and state. Alone they say nothing: pgettext says of what.
OF_TWO_SENSES = {
    "allocate",
    "change",
    "close",
    "closed",
    "due",
    "fill",
    "free",
    "held",
    "hold",
    "limit",
    "link",
    "manage",
    "off",
    "on",
    "open",
    "order",
    "past",
    "read",
    "run",
    "set",
    "stop",
    "trade",
}
# What Django says too, in other words, meaning the same.
SAID_BETTER = {
    "%(counter)s result",
    "%(full_result_count)s total",
    "Add another %(verbose_name)s",
    "Forbidden",
    "Page not found",
    "Save and add another",
    "Save and continue editing",
    "Save and view",
    "This year",
    "content type",
}
# Where both mean the same, and Django's own Korean is taken.
AS_DJANGO_SAYS = {"Change", "Close"}


def test_word_of_two_senses_has_a_context() -> None:
    alone = {
        message
        for message in our_messages()
        if CONTEXT_SEPARATOR not in message and message.lower().strip(".:") in OF_TWO_SENSES
    }

    assert alone - AS_DJANGO_SAYS == set(), "pgettext(of what, …)"


def test_what_a_library_says_too_means_the_same_there() -> None:
    """Our catalogue comes first: an entry of ours replaces theirs on every page."""
    theirs = library_korean()
    ours = our_messages()
    written = {key_of(entry): first(entry.string) for entry in read() if entry.id}
    changed = {
        message
        for message, korean in written.items()
        if message in ours and message in theirs and korean not in theirs[message]
    }

    assert changed - SAID_BETTER == set(), "pgettext(of what, …), or it means the same: SAID_BETTER"
    assert SAID_BETTER - changed == set()
