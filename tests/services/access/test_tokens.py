"""Each token opens, is listed and is revoked by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction

from capital.domain.errors import InvalidToken, TokenRefused, UnknownToken
from capital.models import ApiToken
from capital.services.access import tokens
from capital.services.access.sight import sees_everything
from capital.services.access.tokens import (
    create_token,
    find_token,
    keep_tokens_of_same_password,
    list_tokens,
    revoke_token,
    state_of,
    valid_tokens,
)
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db


def test_each_text_finds_its_own_token() -> None:
    made = [create_token(user=make_user(), name="bot", scope="read") for _ in range(3)]

    assert [find_token(text) for _, text in made] == [token for token, _ in made]
    assert [find_token(text).user for _, text in made] == [token.user for token, _ in made]
    with pytest.raises(TokenRefused):
        find_token(made[0][1][:-1])


def test_one_token_is_revoked_and_no_other() -> None:
    made = [create_token(user=make_user(), name="bot", scope="read") for _ in range(3)]

    assert revoke_token(made[1][1][:15]) == made[1][0]

    with pytest.raises(TokenRefused):
        find_token(made[1][1])
    assert [find_token(made[number][1]) for number in (0, 2)] == [made[0][0], made[2][0]]


def test_token_that_nobody_has_is_not_revoked_where_there_is_one() -> None:
    token, text = create_token(user=make_user(), name="bot", scope="read")

    with pytest.raises(UnknownToken):
        revoke_token("cap_nobodys")

    assert find_token(text) == token


def test_users_own_tokens_are_listed() -> None:
    user = make_user()
    mine = [create_token(user=user, name=name, scope="read")[0] for name in ("a", "b")]
    other, _ = create_token(user=make_user(), name="c", scope="read")

    assert set(list_tokens(user=user)) == set(mine)
    assert set(list_tokens()) == {*mine, other}


def test_token_for_one_account_needs_that_very_account() -> None:
    mine, other = make_account(), make_account()

    token, _ = create_token(user=mine.owner, name="bot", scope="read", account_id=mine.pk)

    assert token.account == mine
    for account_id in (other.pk, mine.pk + other.pk):
        with pytest.raises(InvalidToken):
            create_token(user=mine.owner, name="bot", scope="read", account_id=account_id)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": " "}, "its name must have 1 to 100 printable characters"),
        ({"name": "x" * 101}, "its name must have 1 to 100 printable characters"),
        ({"name": "a\nb"}, "its name must have 1 to 100 printable characters"),
        ({"scope": "all"}, "its scope must be one of read, size, allocate, manage"),
        ({"days": 0}, "it must end after 1 to 3650 days"),
        ({"days": 3651}, "it must end after 1 to 3650 days"),
        ({"is_active": False}, "its user is switched off"),
    ],
)
def test_token_that_cannot_be_made_says_why(fields: dict[str, Any], problem: str) -> None:
    user = make_user(is_active=fields.pop("is_active", True))

    with pytest.raises(InvalidToken) as refused:
        create_token(user=user, **{"name": "bot", "scope": "read", **fields})

    assert refused.value.reason.figures == {"problem": problem}
    assert list_tokens() == []


def test_shortest_and_longest_that_a_token_may_be() -> None:
    for name, days in (("x", 1), ("x" * 100, 3650)):
        token, text = create_token(user=make_user(), name=name, scope="read", days=days)
        assert find_token(text) == token


@pytest.mark.parametrize("text", ["x" * 201, "cap_é"])
def test_text_that_no_token_can_be_is_refused_without_a_query(
    text: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0), pytest.raises(TokenRefused):
        find_token(text)


def test_token_that_is_revoked_again_keeps_its_time() -> None:
    token, _ = create_token(user=make_user(), name="bot", scope="read")
    first, later = (datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2))

    revoke_token(token.token_key, clock=lambda: first)

    assert revoke_token(token.token_key, clock=lambda: later).revoked_at == first


@pytest.mark.parametrize(
    "ended", ["valid", "revoked", "expired", "user_off", "password_changed", "not_staff"]
)
def test_token_that_opens_nothing_says_why_and_the_one_beside_it_stays_good(ended: str) -> None:
    other, other_text = create_token(user=make_user(is_staff=True), name="bot", scope="read")
    user = make_user(is_staff=True)
    token, text = create_token(user=user, name="bot", scope="read", days=10)
    now = token.created
    if ended == "revoked":
        revoke_token(token.token_key, clock=lambda: now)
    if ended == "expired":
        now = token.expiry
    user.is_active = ended != "user_off"
    user.is_staff = ended != "not_staff"
    if ended == "password_changed":
        user.set_password("another horse")
    user.save()
    stored = ApiToken.objects.get(pk=token.pk)

    assert state_of(stored, now=now) == ended
    assert valid_tokens(user, clock=lambda: now) == ([token] if ended == "valid" else [])
    if ended == "valid":
        assert find_token(text, clock=lambda: now) == token
    else:
        with pytest.raises(TokenRefused):
            find_token(text, clock=lambda: now)
    assert find_token(other_text, clock=lambda: now) == other
    assert valid_tokens(other.user, clock=lambda: now) == [other]


def test_token_without_an_end_opens_nothing() -> None:
    token, text = create_token(user=make_user(), name="bot", scope="read")
    ApiToken.objects.filter(pk=token.pk).update(expiry=None)

    assert state_of(ApiToken.objects.get(), now=token.created) == "expired"
    with pytest.raises(TokenRefused):
        find_token(text)


def test_token_is_good_until_the_moment_in_which_it_expires() -> None:
    token, text = create_token(user=make_user(), name="bot", scope="read", days=1)
    last = token.expiry - timedelta(microseconds=1)

    assert find_token(text, clock=lambda: last) == token


def test_token_of_a_user_who_became_staff_later_stays_good() -> None:
    user = make_user()
    token, text = create_token(user=user, name="bot", scope="read")
    user.is_staff = True
    user.save()

    assert find_token(text) == token


def test_tokens_stay_with_a_password_that_is_only_hashed_again() -> None:
    user, other = make_user(), make_user()
    same = user.password
    other.password = same
    other.save()
    kept, text = create_token(user=user, name="kept", scope="read")
    theirs, _ = create_token(user=other, name="theirs", scope="read")
    of_before, _ = create_token(user=user, name="of another password", scope="read")
    ApiToken.objects.filter(pk=of_before.pk).update(password_mark="0" * 64)
    user.set_password("correct horse")
    user.save()
    assert user.password != same

    keep_tokens_of_same_password(user.pk, old=same, new=user.password)

    assert find_token(text) == kept
    assert valid_tokens(user) == [kept]
    assert valid_tokens(other) == [theirs]


def test_beginning_that_two_tokens_share_revokes_neither() -> None:
    made = [create_token(user=make_user(), name="bot", scope="read") for _ in range(2)]
    ApiToken.objects.update(token_key=made[0][0].token_key)

    with pytest.raises(UnknownToken):
        revoke_token(made[0][0].token_key)

    assert not ApiToken.objects.exclude(revoked_at=None).exists()


# Kept for two seconds


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """The clock that tokens are kept by, as its one element."""
    clock = [timedelta(hours=5)]
    monkeypatch.setattr(tokens, "steady_clock", lambda: clock[0])
    return clock


def test_token_that_was_kept_costs_no_query_for_two_seconds(
    steady: list[timedelta], django_assert_num_queries: Any
) -> None:
    (mine, text), (other, others) = (
        create_token(user=make_user(), name="bot", scope="read") for _ in range(2)
    )
    with django_assert_num_queries(2):
        assert (find_token(text), find_token(others)) == (mine, other)

    steady[0] += timedelta(seconds=1.999)
    with django_assert_num_queries(0):
        again = find_token(text)
    steady[0] += timedelta(seconds=0.001)
    with django_assert_num_queries(1):
        assert find_token(text) == mine

    assert (again, again.user) == (mine, mine.user)
    # What one request learns of its user is not the next one's.
    assert find_token(text).user is not find_token(text).user


def test_token_that_expires_while_it_is_kept_is_refused(steady: list[timedelta]) -> None:
    token, text = create_token(user=make_user(), name="bot", scope="read")
    find_token(text)
    assert token.expiry is not None
    late = token.expiry

    with pytest.raises(TokenRefused):
        find_token(text, clock=lambda: late)


@pytest.mark.parametrize(
    "end",
    [
        lambda token: revoke_token(token.token_key),
        lambda token: User(pk=token.user_id).delete(),
        lambda token: token.delete(),
        lambda token: User.objects.get(pk=token.user_id).save_as(is_active=False),
        lambda token: User.objects.get(pk=token.user_id).save_as(password="!"),
    ],
    ids=["revoked", "user deleted", "deleted", "user off", "other password"],
)
def test_what_ends_a_token_is_heard_at_once(
    steady: list[timedelta], monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:
    def save_as(user: User, **values: Any) -> None:
        vars(user).update(values)
        user.save()

    monkeypatch.setattr(User, "save_as", save_as, raising=False)
    made = [create_token(user=make_user(), name="bot", scope="read") for _ in range(2)]
    for _, text in made:
        find_token(text)

    end(made[0][0])

    with pytest.raises(TokenRefused):
        find_token(made[0][1])
    assert find_token(made[1][1]) == made[1][0]


def test_permission_that_was_given_or_taken_is_heard_at_once(steady: list[timedelta]) -> None:
    user = make_user()
    _, text = create_token(user=user, name="bot", scope="read")
    permission = Permission.objects.get(codename="view_all_accounts")
    group = Group.objects.create(name="everything")

    def sees() -> bool:
        return sees_everything(find_token(text).user)

    assert not sees()
    for give, take in (
        (user.user_permissions.add, user.user_permissions.remove),
        (group.permissions.add, group.permissions.remove),
    ):
        user.groups.set([group])
        give(permission)
        assert sees()
        take(permission)
        assert not sees()
    group.permissions.add(permission)
    assert sees()
    group.delete()
    assert not sees()


def test_what_was_read_while_it_changed_is_not_kept(
    steady: list[timedelta], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    _, text = create_token(user=make_user(), name="bot", scope="read")
    read = tokens._BY_DIGEST.rows

    def rows(digests: Any) -> Any:
        found = read(digests)
        tokens.forget_tokens()
        return found

    monkeypatch.setattr(tokens._BY_DIGEST, "rows", rows)
    find_token(text)

    with django_assert_num_queries(1):
        find_token(text)


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_later_is_forgotten_once_more(steady: list[timedelta]) -> None:
    token, text = create_token(user=make_user(), name="bot", scope="read")
    with transaction.atomic():
        revoke_token(token.token_key)
        # Another thread, which reads what is committed, would keep the token of before.
        tokens._KEPT._rows[token.digest] = (("before",), timedelta(days=1))

    with pytest.raises(TokenRefused):
        find_token(text)


def test_no_more_than_a_thousand_are_kept(
    steady: list[timedelta], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_MOST_KEPT", 3)
    made = [create_token(user=make_user(), name="bot", scope="read") for _ in range(4)]

    for _, text in made:
        find_token(text)

    assert list(tokens._KEPT._rows) == [made[3][0].digest]
