"""The admin of this project."""

from django.contrib.admin.apps import AdminConfig


class DeskAdminConfig(AdminConfig):
    """Django's admin, with our site."""

    default_site = "capital_project.site.DeskSite"
