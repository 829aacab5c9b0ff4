"""Ways to ask the database: as of one moment, and with SQL that is made once."""
