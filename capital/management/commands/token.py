"""``token``: create, list and revoke API tokens."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table

from capital.management.arguments import BAD_ARGUMENTS, errors_translated, read_whole
from capital.management.base import CapitalCommand
from capital.management.output import console_on, print_json
from capital.models import ApiToken, Scope
from capital.services.access import (
    USUAL_DAYS,
    create_token,
    list_tokens,
    revoke_token,
    state_of,
)
from capital.services.accounts import find_account_ids
from capital.services.labels import TOKEN_STATE_NAMES


class Command(CapitalCommand):
    """Exit status 0: done; 2: invalid arguments."""

    help = gettext_lazy(
        "Create, list and revoke API tokens. A token is printed once and stored as a hash."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        asks = parser.add_subparsers(dest="ask", required=True, metavar="{create,list,revoke}")
        create = asks.add_parser("create", help=_("create a token and print it once"))
        create.add_argument("user", help=_("the owner, whose permissions limit the token"))
        create.add_argument("name", help=_("a name that says what the token is for"))
        create.add_argument(
            "--scope",
            choices=Scope.values,
            default=Scope.READ.value,
            help=_("what the token may do; each scope includes those before it (default: read)"),
        )
        create.add_argument(
            "--days",
            type=read_whole,
            default=USUAL_DAYS,
            help=_("days until it expires (default: %(days)s)") % {"days": USUAL_DAYS},
        )
        create.add_argument(
            "--account",
            metavar="ID_OR_NAME",
            help=_("limit the token to one account (default: all)"),
        )
        create.add_argument("--json", action="store_true", help=_("print one JSON object"))
        lists = asks.add_parser("list", help=_("list tokens (never their secrets)"))
        lists.add_argument("--user", help=_("limit to this user's tokens"))
        lists.add_argument("--json", action="store_true", help=_("print one JSON object"))
        revoke = asks.add_parser("revoke", help=_("revoke a token at once"))
        revoke.add_argument("token", help=_("the token's prefix, as the list shows it"))

    def handle(self, *args: Any, **options: Any) -> None:
        ask = {"create": self._create, "list": self._list, "revoke": self._revoke}
        with errors_translated():
            ask[options["ask"]](options)

    def _create(self, options: dict[str, Any]) -> None:
        account = options["account"]
        token, text = create_token(
            user=_user(options["user"]),
            name=options["name"],
            scope=options["scope"],
            days=options["days"],
            account_id=None if account is None else find_account_ids([account])[0],
        )
        if options["json"]:
            print_json(self.stdout, {**_as_json(token), "token": text})
            return
        self.stdout.write(text)
        self.stderr.write(_("Copy it now. It will not be shown again."))

    def _list(self, options: dict[str, Any]) -> None:
        user = None if options["user"] is None else _user(options["user"])
        tokens = list_tokens(user=user)
        if options["json"]:
            print_json(self.stdout, {"tokens": [_as_json(token) for token in tokens]})
        elif tokens:
            console_on(self.stdout).print(_table(tokens))
        else:
            self.stdout.write(_("No tokens."))

    def _revoke(self, options: dict[str, Any]) -> None:
        token = revoke_token(options["token"])
        self.stdout.write(_("Revoked: %(token)s.") % {"token": token})


def _user(name: str) -> Any:
    users = get_user_model()
    try:
        return users.objects.get_by_natural_key(name)
    except users.DoesNotExist:
        raise CommandError(
            _("User %(name)s not found.") % {"name": name}, returncode=BAD_ARGUMENTS
        ) from None


def _as_json(token: ApiToken) -> dict[str, Any]:
    return {
        "token_key": token.token_key,
        "name": token.name,
        "user": token.user.get_username(),
        "scope": token.scope,
        "account": token.account_id,
        "created_at": timezone.localtime(token.created).isoformat(),
        "expires_at": timezone.localtime(token.expiry).isoformat(),
        "state": state_of(token, now=timezone.now()).value,
        "revoked_at": token.revoked_at and timezone.localtime(token.revoked_at).isoformat(),
    }


def _table(tokens: Any) -> Table:
    table = Table(header_style="bold")
    for title in (
        _("Prefix"),
        _("Name"),
        _("User"),
        _("Scope"),
        _("Account"),
        _("Status"),
        _("Expires"),
        _("Revoked"),
    ):
        table.add_column(title, overflow="fold")
    for token in tokens:
        revoked = token.revoked_at
        table.add_row(
            token.token_key,
            token.name,
            token.user.get_username(),
            token.get_scope_display(),
            "—" if token.account is None else token.account.name,
            str(TOKEN_STATE_NAMES[state_of(token, now=timezone.now())]),
            f"{timezone.localtime(token.expiry):%Y-%m-%d %H:%M}",
            "—" if revoked is None else f"{timezone.localtime(revoked):%Y-%m-%d %H:%M}",
        )
    return table
