"""The capital app: who funds a strategy, with how much, and why."""

import gc
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CapitalConfig(AppConfig):
    """Accounts, balances and allocations."""

    name = "capital"
    verbose_name = _("Capital management")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks and what follows a change of rows; guard the queue; share the pace."""
        from django_q.signals import post_spawn

        from capital import pickles, signals
        from capital.exchange import checks  # noqa: F401
        from capital.services.balances import ask_of_moves, share_pace

        pickles.close_queue_tables()
        share_pace()
        ask_of_moves(_moves_of)

        post_migrate.connect(signals.migrated, sender=self)
        post_spawn.connect(_ready_to_read, dispatch_uid="ready to read")
        _collect_rarely()


def _ready_to_read(**_: Any) -> None:
    """A worker of the queue loads what its first reading would otherwise wait for."""
    from django.conf import settings

    from capital.exchange.gateway import warm_up

    if settings.CAPITAL_LIVE_BALANCES:
        warm_up()


def _moves_of(accounts: Any, since: Any) -> Any:
    """As ``services.trading.moves_of``, which few processes need and none at its start."""
    from capital.services.trading import moves_of

    return moves_of(accounts, since)


def _collect_rarely() -> None:
    """Let the garbage collector look at new objects only, and after many more of them.

    What is loaded by now stays until the process ends, and nearly all that a batch makes goes with
    its last reference. Looking at all of that again and again took a fifth of a batch's time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
