"""What can be wrong with a file of simulated accounts, or with a change to one."""


class SimulatorError(ValueError):
    """An account, or a change to one, makes no sense; the message says what to do."""
