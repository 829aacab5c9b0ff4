"""The project as an app, for its commands, and its admin."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from capital_project.particles import install as install_particles


class ProjectConfig(AppConfig):
    """Commands to try the project out and to work on it."""

    name = "capital_project"

    def ready(self) -> None:
        """Let messages decide their Korean particles."""
        install_particles()


class CapitalAdminConfig(AdminConfig):
    """Django's admin, with our site and, after everybody else's pages, ours."""

    default_site = "capital_project.site.CapitalSite"

    def ready(self) -> None:
        """Register the pages; some take the place of a library's."""
        super().ready()
        from capital.admin import pages  # noqa: F401
