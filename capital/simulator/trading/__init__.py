"""What simulated accounts traded: told to them by a script, and told by their venues."""
