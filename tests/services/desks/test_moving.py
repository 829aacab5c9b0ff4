"""A desk goes into a file and comes out of it on another site: the same, everything or nothing."""

import unicodedata
from contextlib import nullcontext
from datetime import time
from decimal import Decimal
from typing import Any

import pgtrigger
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.utils import translation
from django_q.models import OrmQ

from capital.domain.errors import DeskFileRefused, SecretUnreadable
from capital.domain.reasons import Code
from capital.models import (
    Account,
    AccountAccess,
    AlertTarget,
    SettingChange,
    StrategyAccount,
)
from capital.services.access import change_access
from capital.services.alerts import TargetFields, save_target
from capital.services.desks import (
    Step,
    Verb,
    document,
    export_desk,
    holds_secrets,
    import_desk,
)
from capital.services.desks.export import target_place
from capital.services.desks.vault import Vault
from strategies.models import Strategy
from tests.factories import make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db

PASSPHRASE = "correct horse battery"
SECRETS = ("canary-key", "canary-secret", "canary-topic", "canary-signing-secret")


def fill() -> None:
    """Two users, a group, an account with everything that it may have, and one as usual."""
    group = Group.objects.create(name="Night shift")
    group.permissions.set(Permission.objects.filter(codename="stop_entries"))
    minsu = make_user(username="minsu", is_staff=True, email="minsu@example.com")
    jisu = make_user(username="지수", is_active=False)
    jisu.user_permissions.set(Permission.objects.filter(codename="allocate_capital"))
    minsu.groups.add(group)
    main = make_account(
        owner=minsu,
        name="메인: #1",
        reserve_percent="12.5",
        max_budget_percent=150,
        max_drawdown_percent="20",
        api_key=SECRETS[0],
        api_secret=SECRETS[1],
    )
    make_account(owner=jisu, name="Alt", venue="okx")
    grid = make_strategy(owner=minsu, key="grid", name="yes", order_tag="gx", description="a\nb")
    trend = make_strategy(owner=minsu, key="trend", name="No", market_type="futures")
    Strategy.objects.filter(pk=trend.pk).update(status="PAUSED")
    make_link(account=main, strategy=grid, weight="0.3", symbols=["BTC/USDT"], min_amount="100")
    make_link(account=main, strategy=trend, leverage="2.5", is_active=False, max_symbols=3)
    AccountAccess.objects.create(account=main, user=jisu, role="operator")
    save_target(
        AlertTarget(user=minsu),
        TargetFields(
            name="phone",
            channel="webhook",
            address=f"https://203.0.113.7/{SECRETS[2]}",
            signing_secret=SECRETS[3],
            quiet_from=time(22),
            quiet_until=time(7, 30),
            kinds_off=["digest"],
        ),
    )


def empty() -> None:
    """Another site: nothing but what migrations make."""
    # On PostgreSQL, a trigger keeps the record of changes.
    with pgtrigger.ignore() if connection.vendor == "postgresql" else nullcontext():
        for model in (StrategyAccount, AccountAccess, SettingChange, AlertTarget):
            model._base_manager.all()._raw_delete("default")
    Account._base_manager.all()._raw_delete("default")
    Strategy.objects.all()._raw_delete("default")
    User.objects.all().delete()
    Group.objects.filter(name="Night shift").delete()


def refusal(text: str, **options: Any) -> DeskFileRefused:
    with pytest.raises(DeskFileRefused) as caught:
        import_desk(text, **options)
    return caught.value


def done(steps: list[Step], *verbs: Verb) -> list[tuple[str, str]]:
    return [(step.kind, step.name) for step in steps if step.verb in verbs]


def changed_text(old: str, new: str) -> str:
    text = export_desk().text
    assert old in text
    return text.replace(old, new, 1)


def test_what_is_imported_into_an_empty_site_is_exported_again_byte_for_byte() -> None:
    fill()
    text = export_desk().text
    empty()

    steps = import_desk(text)

    assert export_desk().text == text
    assert done(steps, Verb.MADE) == [
        ("group", "Night shift"),
        ("user", "minsu"),
        ("user", "지수"),
        ("strategy", "grid"),
        ("strategy", "trend"),
        ("account", "minsu/메인: #1"),
        ("access", "메인: #1/지수"),
        ("link", "메인: #1/grid"),
        ("link", "메인: #1/trend"),
        ("account", "지수/Alt"),
    ]
    assert done(steps, Verb.CHANGED) == []


def test_without_a_passphrase_no_secret_and_no_alert_target_is_in_it() -> None:
    fill()

    made = export_desk()

    assert not any(secret in made.text for secret in SECRETS)
    assert "phone" not in made.text
    assert "credentials" not in made.text
    assert not holds_secrets(made.text)
    assert made.counts["users"] == 2
    assert made.counts["accounts"] == 2
    assert made.counts["links"] == 2


def test_with_a_passphrase_secrets_are_sealed_and_come_out_of_it() -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text
    assert holds_secrets(sealed)
    assert not any(secret in sealed for secret in SECRETS)
    empty()

    import_desk(sealed, passphrase=PASSPHRASE)

    main = Account.objects.get(name="메인: #1")
    assert (main.api_key, main.api_secret, main.api_passphrase) == (*SECRETS[:2], "")
    assert main.max_budget_percent == Decimal(150)
    target = AlertTarget.objects.get()
    assert (target.address, target.signing_secret) == (
        f"https://203.0.113.7/{SECRETS[2]}",
        SECRETS[3],
    )
    assert (target.quiet_until, target.kinds_off) == (time(7, 30), ["digest"])


def test_a_second_import_keeps_everything_and_changes_nothing() -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text
    before = SettingChange.objects.count()

    steps = import_desk(sealed, passphrase=PASSPHRASE)

    assert {step.verb for step in steps} == {Verb.KEPT}
    assert SettingChange.objects.count() == before


def test_of_a_row_that_is_there_only_what_differs_is_changed_and_recorded() -> None:
    fill()
    text = changed_text("weight: '0.3'", "weight: '0.4'")

    steps = import_desk(text, origin="minsu@desk")

    [step] = [each for each in steps if each.verb is not Verb.KEPT]
    assert (step.verb, step.name) == (Verb.CHANGED, "메인: #1/grid")
    assert step.fields == {"weight": (Decimal("0.30000000"), Decimal("0.4"))}
    assert StrategyAccount.objects.get(strategy__key="grid").weight == Decimal("0.4")
    assert StrategyAccount.objects.get(strategy__key="trend").weight == Decimal(1)
    record = SettingChange.objects.latest("pk")
    assert (record.origin, record.values) == (
        "minsu@desk",
        {"weight": {"old": "0.3", "new": "0.4"}},
    )


def test_each_kind_of_row_is_changed_as_the_file_says() -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text
    minsu = User.objects.get(username="minsu")
    minsu.groups.clear()
    minsu.user_permissions.set(Permission.objects.filter(codename="stop_entries"))
    User.objects.filter(pk=minsu.pk).update(email="other@example.com")
    Group.objects.get(name="Night shift").permissions.clear()
    Strategy.objects.filter(key="trend").update(status="ACTIVE")
    Account.objects.filter(name="메인: #1").update(reserve_percent=1)
    change_access(AccountAccess.objects.get().pk, role="viewer")
    AlertTarget.objects.update(is_active=False)
    main = Account.objects.get(name="메인: #1")
    main.api_key = "another"
    main.save()

    steps = import_desk(sealed, passphrase=PASSPHRASE)

    assert done(steps, Verb.CHANGED) == [
        ("group", "Night shift"),
        ("user", "minsu"),
        ("alert_target", "minsu/phone"),
        ("strategy", "trend"),
        ("account", "minsu/메인: #1"),
        ("access", "메인: #1/지수"),
    ]
    [account] = [step for step in steps if step.kind == "account" and step.fields]
    assert account.fields["api_key"] == (None, None)
    assert not any(secret in repr(steps) for secret in SECRETS)
    assert export_desk().text == _without_secrets(sealed)


def _without_secrets(sealed: str) -> str:
    """What an export without a passphrase says of the same desk."""
    empty()
    import_desk(sealed, passphrase=PASSPHRASE)
    return export_desk().text


def test_a_dry_run_says_the_same_and_does_nothing() -> None:
    fill()
    text = export_desk().text
    empty()

    tried = import_desk(text, is_dry_run=True)

    assert not User.objects.exists()
    assert not Account.objects.exists()
    assert [(step.verb, step.name) for step in import_desk(text)] == [
        (step.verb, step.name) for step in tried
    ]


@pytest.mark.django_db(transaction=True)
def test_a_refused_line_leaves_nothing_behind_and_asks_for_no_work() -> None:
    fill()
    text = changed_text("name: Alt\n  venue: okx", "name: Alt\n  venue: nowhere")
    Account.objects.filter(name="메인: #1").update(reserve_percent=1)
    OrmQ.objects.all().delete()

    error = refusal(text)

    assert error.reason.code is Code.DESK_FIELD_REFUSED
    assert error.reason.figures["name"] == "Alt.venue"
    assert Account.objects.get(name="메인: #1").reserve_percent == Decimal(1)
    assert not OrmQ.objects.exists()


def test_what_the_file_does_not_name_stays() -> None:
    fill()
    hand_written = """
format: capital-desk
version: 1
strategies:
- key: late
  owner: minsu
  name: Late
  market_type: spot
accounts:
- {owner: minsu, name: New, venue: upbit, currency: KRW, strategies: [{strategy: late}]}
"""

    steps = import_desk(hand_written)

    assert done(steps, Verb.MADE) == [
        ("strategy", "late"),
        ("account", "minsu/New"),
        ("link", "New/late"),
    ]
    assert Account.objects.count() == 3
    assert Account.objects.get(name="New").wallet_mode == "separate"


def test_a_new_user_has_no_password() -> None:
    fill()
    text = export_desk().text
    empty()

    import_desk(text)

    assert not User.objects.get(username="minsu").has_usable_password()
    assert not User.objects.get(username="지수").is_active


def test_a_password_that_is_changed_meanwhile_stays_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill()
    text = changed_text("email: minsu@example.com", "email: other@example.com")
    check = User.full_clean

    def change_first(user: User, **given: Any) -> None:
        User.objects.filter(pk=user.pk).update(password="new")
        check(user, **given)

    monkeypatch.setattr(User, "full_clean", change_first)

    import_desk(text)

    minsu = User.objects.get(username="minsu")
    assert (minsu.email, minsu.password) == ("other@example.com", "new")


REFUSED = {
    "a float": ("weight: '0.3'", "weight: 0.3", "weight", "in quotes"),
    "no number": ("weight: '0.3'", "weight: 'many'", "weight", "in quotes"),
    "an empty value": ("weight: '0.3'", "weight: null", "weight", "must not be empty"),
    "twice": ("weight: '0.3'", "weight: '0.3'\n    weight: '1'", "weight", "twice"),
    "a rule": ("reserve_percent: '12.5'", "reserve_percent: '120'", "reserve_percent", "100"),
    "a word": ("is_staff: true", "is_staff: yes", "is_staff", "true or false"),
    "a text for a flag": ("is_staff: true", "is_staff: 'true'", "is_staff", "true or false"),
    "a number": ("max_symbols: 3", "max_symbols: 0x3", "max_symbols", "whole number"),
    "a text for a number": ("max_symbols: 3", "max_symbols: three", "max_symbols", "whole number"),
    "two signs": ("max_symbols: 3", "max_symbols: !!int --3", "max_symbols", "whole number"),
    "no strategy": ("- strategy: grid", "- strategy: nogrid", "strategy", "no strategy"),
    "no user": ("owner: minsu", "owner: nobody", "owner", "no user"),
    "no group": ("groups:\n  - Night shift", "groups:\n  - Day", "groups", "“Day”"),
    "no permission": ("- capital.stop_entries", "- capital.fly", "permissions", "“capital.fly”"),
    "a role": ("role: operator", "role: king", "role", "king"),
    "no list": ("groups:\n  - Night shift", "groups: Night shift", "groups", "must be a list"),
    "no texts": ("- BTC/USDT", "- 1", "symbols", "list of texts"),
    "no table": ("- key: grid", "- grid\n- key: grid", "strategies", "names with values"),
    "a table as name": ("- key: grid", "- {a: b}: c\n  key: grid", "strategies", "names with"),
    "missing": ("  owner: minsu\n", "", "owner", "missing"),
    "no character": ("name: 'yes'", 'name: "a\\0b"', "name", "cannot be stored"),
    "no character in a list": ("- BTC/USDT", '- "a\\0b"', "symbols", "cannot be stored"),
    "no character in a name": ("strategy: grid", 'strategy: "a\\0b"', "strategy", "stored"),
    "not a text": ("name: 'yes'", "name: yes", "name", "in quotes"),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_a_wrong_value_is_refused_with_its_line_and_name(which: str) -> None:
    old, new, name, why = REFUSED[which]
    fill()
    text = changed_text(old, new)

    figures = refusal(text).reason.figures

    lines = text.splitlines()
    assert name in figures["name"]
    assert why in figures["problem"]
    if which != "missing":
        near = lines[int(figures["line"]) - 2 : int(figures["line"]) + 1]
        assert any(new.splitlines()[-1].strip("- ") in line for line in near), near


def test_an_unknown_field_is_refused_with_those_that_are_known() -> None:
    fill()
    error = refusal(changed_text("reserve_percent: '12.5'", "reserve: '12.5'"))

    assert error.reason.code is Code.DESK_FIELD_UNKNOWN
    assert error.reason.figures["name"] == "reserve"
    assert "reserve_percent" in error.reason.figures["known"]


@pytest.mark.parametrize("version", ["2", "0"])
def test_another_version_is_refused(version: str) -> None:
    error = refusal(changed_text("version: 1", f"version: {version}"))

    assert error.reason.code is Code.DESK_FILE_VERSION
    assert error.reason.figures == {"line": "2", "version": version, "known": "1"}


def test_what_is_no_desk_is_refused() -> None:
    assert refusal("version: 1").reason.figures["name"] == "format"
    assert refusal("format: capital-desk").reason.code is Code.DESK_FILE_VERSION
    error = refusal("- format: capital-desk")
    assert error.reason.code is Code.DESK_FIELD_REFUSED
    assert str(error) == "Line 1, the file: it must be names with values."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1"),
        ("format: [capital-desk", "2"),
        ("a: 1\nb: &x 2\nc: *x", "2"),
        ("a: \x00", "1"),
        (f"a: {'[' * 20}", "1"),
        ("a: 1\n\tb: 2", "2"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(text: str, line: str) -> None:
    error = refusal(text)

    assert error.reason.code is Code.DESK_FILE_UNREADABLE
    assert error.reason.figures == {"line": line}


def test_too_long_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capital.services.desks.document.LONGEST", 3 << 20)

    assert refusal("format: capital-desk").reason.code is Code.DESK_FILE_VERSION
    error = refusal("format: capital-desk" + " " * (3 << 20))
    assert error.reason.code is Code.DESK_FILE_TOO_LARGE
    assert error.reason.figures == {"most": "3"}


def test_a_desk_of_ten_thousand_accounts_is_no_too_large_file() -> None:
    """Of each account 1.1 KB, and 4 KB for five links."""
    assert document.LONGEST > 10_000 * 5_100


@pytest.mark.parametrize("text", ["'25:00'", "'07:30:00+09:00'"])
def test_a_wrong_time_of_day_is_refused(text: str) -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text.replace("07:30:00", text)

    figures = refusal(sealed, passphrase=PASSPHRASE).reason.figures

    assert "time of day" in figures["problem"]


def test_what_a_field_is_stored_as_is_what_is_told_of_it() -> None:
    """A currency in small letters changes nothing, however often it is imported."""
    fill()
    small = changed_text("currency: USDT", "currency: usdt")

    assert {step.verb for step in import_desk(small)} == {Verb.KEPT}
    assert {account.currency for account in Account.objects.all()} == {"USDT"}


def test_a_kind_of_alert_that_there_is_not_is_refused() -> None:
    fill()
    text = export_desk(passphrase=PASSPHRASE).text
    target = AlertTarget.objects.get(user__username="minsu")
    assert target.kinds_off
    wrong = text.replace(f"- {target.kinds_off[0]}\n", "- no_such_kind\n")

    figures = refusal(wrong, passphrase=PASSPHRASE).reason.figures

    assert (figures["name"], "digest" in figures["problem"]) == ("kinds_off", True)


@pytest.mark.parametrize("language", ["fr", "a" * 40])
def test_an_alert_target_of_no_language_is_refused_with_its_line(language: str) -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text
    assert "    language: en\n" in sealed
    text = sealed.replace("    language: en\n", f"    language: {language}\n")

    figures = refusal(text, passphrase=PASSPHRASE).reason.figures

    assert (figures["name"], "en, ko" in figures["problem"]) == ("language", True)
    assert language in text.splitlines()[int(figures["line"]) - 1]


def test_an_alert_target_with_too_long_a_name_is_refused() -> None:
    fill()
    text = export_desk(passphrase=PASSPHRASE).text.replace("name: phone", f"name: {'a' * 61}")
    sealed = ("    address:", "    signing_secret:")
    lines = [line for line in text.splitlines() if not line.startswith(sealed)]
    text = "\n".join(lines).replace("channel: webhook", "channel: mail\n    address: VAULTED")
    address = Vault(PASSPHRASE, _salt(text)).seal(
        "a@example.com", target_place("minsu", "a" * 61, "address")
    )

    figures = refusal(text.replace("VAULTED", address), passphrase=PASSPHRASE).reason.figures

    assert "60" in figures["problem"]


def _salt(text: str) -> str:
    return document.read_document(text).text("salt")


@pytest.mark.parametrize("text", ["a\x85", "\u2028", "a \x85 b", "a\u2029\nb", "\r\n", "\ufeff"])
def test_every_character_comes_back(text: str) -> None:
    read = document.read_document(document.write_document({"one": text, "list": [text]}))

    assert (read.text("one"), read.texts("list")) == (text, [text])


# Secrets


def test_a_file_with_secrets_needs_the_passphrase_that_it_was_sealed_with() -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text

    assert refusal(sealed).reason.code is Code.DESK_PASSPHRASE_NEEDED
    wrong = refusal(sealed, passphrase=f"{PASSPHRASE}!")
    assert wrong.reason.code is Code.DESK_PASSPHRASE_WRONG


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(DeskFileRefused) as caught:
        export_desk(passphrase="a" * 11)

    assert caught.value.reason.code is Code.DESK_PASSPHRASE_SHORT
    assert caught.value.reason.figures == {"least": "12"}


def test_a_secret_that_was_moved_to_another_place_opens_no_more() -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text
    moved = sealed.replace("    api_key:", "    api_x:").replace("    api_secret:", "    api_key:")
    moved = moved.replace("    api_x:", "    api_secret:")
    assert moved != sealed

    assert refusal(moved, passphrase=PASSPHRASE).reason.code is Code.DESK_PASSPHRASE_WRONG


def test_what_is_no_sealed_text_is_refused() -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text
    salt = sealed.splitlines()[2]

    for text in (sealed.replace(salt, "salt: '!'"), sealed.replace("api_key: ", "api_key: '!' #")):
        error = refusal(text, passphrase=PASSPHRASE)
        assert error.reason.code is Code.DESK_PASSPHRASE_WRONG


def test_a_secret_in_a_file_without_a_passphrase_is_refused() -> None:
    fill()
    text = changed_text(
        "  access:\n  - user", "  credentials: {api_key: plain}\n  access:\n  - user"
    )

    assert "not encrypted" in refusal(text).reason.figures["problem"]


def test_the_same_passphrase_typed_in_another_form_opens() -> None:
    fill()
    sealed = export_desk(passphrase="비밀번호는 길어야 합니다").text

    # The same letters, taken apart.
    typed = unicodedata.normalize("NFD", "비밀번호는 길어야 합니다")
    assert {step.verb for step in import_desk(sealed, passphrase=typed)} == {Verb.KEPT}


def test_a_secret_that_no_key_opens_stops_the_export(settings: Any) -> None:
    fill()
    settings.FIELD_ENCRYPTION_KEYS = ["eEt0VlJjQmZ4ZGpIc2lZbkRhUXdLcFhyTHVNZ09xVHM="]

    assert "메인" in export_desk().text
    with pytest.raises(SecretUnreadable) as error:
        export_desk(passphrase=PASSPHRASE)
    target = AlertTarget.objects.get(user__username="minsu")
    assert error.value.reason.figures == {"name": f"minsu, {target.name}, address"}
    AlertTarget.objects.all().delete()
    with pytest.raises(SecretUnreadable) as error:
        export_desk(passphrase=PASSPHRASE)
    assert error.value.reason.figures == {"name": "minsu, 메인: #1, api_key"}


def test_a_secret_that_no_key_opens_is_replaced_by_the_one_in_the_file(settings: Any) -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text
    settings.FIELD_ENCRYPTION_KEYS = ["eEt0VlJjQmZ4ZGpIc2lZbkRhUXdLcFhyTHVNZ09xVHM="]

    steps = import_desk(sealed, passphrase=PASSPHRASE)

    assert done(steps, Verb.CHANGED) == [
        ("alert_target", "minsu/phone"),
        ("account", "minsu/메인: #1"),
    ]
    account = Account.objects.get(name="메인: #1")
    assert (account.api_key, account.api_secret) == SECRETS[:2]
    assert export_desk(passphrase=PASSPHRASE).counts["accounts"] == 2


def test_refusals_of_services_are_told_with_the_line_of_the_row() -> None:
    fill()
    sealed = export_desk(passphrase=PASSPHRASE).text
    text = sealed.replace("channel: webhook", "channel: mail")

    with translation.override("ko"):
        figures = refusal(text, passphrase=PASSPHRASE).reason.figures

    assert figures["name"] == "phone"
    assert sealed.splitlines()[int(figures["line"]) - 1].strip().startswith("- name: phone")


def test_progress_adds_up_to_the_rows_of_the_file() -> None:
    text = """
        format: capital-desk
        version: 1
        groups: [{name: desk}]
        users: [{username: minsu, groups: [desk]}]
        accounts: []
    """
    told: list[tuple[int, int]] = []

    import_desk(text, on_progress=lambda more, of: told.append((more, of)))

    assert told == [(1, 2), (1, 2)]
