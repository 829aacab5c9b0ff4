"""From an exchange to a preview of capital, step by step; and strategies from within an account."""

from capital.admin.accounts.beginning.pages import FirstStepsPages
from capital.admin.accounts.beginning.strategies import StrategiesPages

__all__ = ["FirstStepsPages", "StrategiesPages"]
