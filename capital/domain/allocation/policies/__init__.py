"""Ways to divide a pool among its active links: today there is only a split by weight."""
