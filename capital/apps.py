"""The capital app: who funds a strategy, with how much, and why."""

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
        from capital import pickles, signals
        from capital.exchange import checks  # noqa: F401
        from capital.services.balances import share_pace

        pickles.close_queue_tables()
        share_pace()

        post_migrate.connect(signals.migrated, sender=self)
