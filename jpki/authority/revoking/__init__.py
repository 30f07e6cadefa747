"""Revocations, by one (`revocation`) or hundreds (`batch`), and those that the
register's events bring about (`intake`)."""
