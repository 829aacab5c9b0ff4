"""Ways to divide a pool among its active links. There is one: ``weights``."""
