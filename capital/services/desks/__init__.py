"""A desk as one file: its users, strategies, accounts and links, moved to another site."""

from capital.services.desks.export import Exported, export_desk
from capital.services.desks.imports import Step, Verb, import_desk
from capital.services.desks.vault import LEAST_LETTERS, holds_secrets

__all__ = [
    "LEAST_LETTERS",
    "Exported",
    "Step",
    "Verb",
    "export_desk",
    "holds_secrets",
    "import_desk",
]
