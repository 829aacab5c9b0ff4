"""The capital app: who funds a strategy, with how much, and why."""

from django.apps import AppConfig


class CapitalConfig(AppConfig):
    """Accounts, balances and allocations."""

    name = "capital"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from capital.exchange import checks  # noqa: F401
