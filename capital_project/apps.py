"""The project as an app: its commands and its admin."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from capital_project.arguments import install as install_arguments
from capital_project.particles import install as install_particles
from capital_project.serving.validation import install as install_validation


class ProjectConfig(AppConfig):
    """Provides commands to try the project and to develop it."""

    name = "capital_project"

    def ready(self) -> None:
        """Let messages decide particles, and argparse speak Korean."""
        install_particles()
        install_arguments()


class CapitalAdminConfig(AdminConfig):
    """Django's admin with our site. Our pages are registered last."""

    default_site = "capital_project.site.CapitalSite"

    def ready(self) -> None:
        """Register our pages; some replace those of a library. Refusals name what is taken.

        That comes first: a form's field copies its messages when the form's module is loaded.
        """
        install_validation()
        super().ready()
        from capital.admin import pages  # noqa: F401
