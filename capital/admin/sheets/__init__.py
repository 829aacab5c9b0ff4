"""Accounts and strategies out of a CSV or an XLSX."""

from capital.admin.sheets.pages import SheetPages

__all__ = ["SheetPages"]
