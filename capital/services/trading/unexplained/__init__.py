"""What of the changes of balances fills and flows explain, by account, pool and day."""
