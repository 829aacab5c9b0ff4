"""What every command shares: its help in the reader's language."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser, DjangoHelpFormatter
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

# What Django and django-q2 say of their own options, for the catalogue.
_OF_LIBRARIES = (
    _("Show program's version number and exit."),
    _(
        "Verbosity level; 0=minimal output, 1=normal output, 2=verbose output, 3=very verbose "
        "output"
    ),
    _(
        'The Python path to a settings module, e.g. "myproject.settings.main". If this isn\'t '
        "provided, the DJANGO_SETTINGS_MODULE environment variable will be used."
    ),
    _('A directory to add to the Python path, e.g. "/home/djangoprojects/myproject".'),
    _("Display a full stack trace on CommandError exceptions."),
    _("Don't colorize the command output."),
    _("Force colorization of the command output."),
    _("Skip system checks."),
    _("Run once and then stop."),
    _(
        "Set alternative cluster name instead of the name in Q_CLUSTER settings (for multi-queue "
        "setup). On Linux you should set name through `Q_CLUSTER_NAME=cluster_name python "
        "manage.py qcluster` instead."
    ),
)


class HelpFormatter(DjangoHelpFormatter):
    """Django's, with what libraries say of their options in the reader's language."""

    def add_argument(self, action: Any) -> None:
        """Ours are in it already: then this changes nothing."""
        if action.help:
            action.help = gettext(action.help)
        super().add_argument(action)


class CapitalCommand(BaseCommand):
    """A command whose ``help`` is a lazy message."""

    help: Any = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's; argparse formats texts, not lazy messages."""
        self.help = str(self.help)
        kwargs.setdefault("formatter_class", HelpFormatter)
        return super().create_parser(prog_name, subcommand, **kwargs)
