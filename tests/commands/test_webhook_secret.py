"""``webhook_secret``: a secret is shown once, or removed."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from capital.management.arguments import command_origin
from capital.models import SettingChange, WebhookSecret
from capital.services.webhooks.secrets import Proof
from tests.factories import make_strategy
from tests.hooks import check_at_its_address, hook_path

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("webhook_secret", *arguments, stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue()


def test_secret_alone_is_on_stdout_and_opens_the_webhook() -> None:
    strategy = make_strategy(key="trend")

    secret, told = run("trend")

    assert check_at_its_address("trend", Proof(token=secret)).strategy == strategy
    assert "not be shown again" in told
    assert f"POST {hook_path('trend')}" in told
    assert len(hook_path("trend")) == len("/api/v1/hooks/trend/") + 17


def test_removed_secret_opens_nothing() -> None:
    make_strategy(key="trend")
    run("trend")

    assert run("trend", "--remove")[0] == "The webhook is off and its secret no longer works."
    assert run("trend", "--remove")[0] == "The webhook is already off."
    assert not WebhookSecret.objects.exists()


def test_the_record_says_from_which_machine() -> None:
    make_strategy(key="trend")
    run("trend")
    run("trend")
    run("trend", "--remove")

    changes = SettingChange.objects.order_by("pk").values_list("verb", "actor", "origin")
    origin = command_origin()[:64]
    assert list(changes) == [(verb, None, origin) for verb in ("created", "changed", "removed")]


def test_unknown_strategy_is_a_bad_argument() -> None:
    with pytest.raises(CommandError, match="Strategy nowhere not found") as refused:
        run("nowhere")

    assert refused.value.returncode == 2
