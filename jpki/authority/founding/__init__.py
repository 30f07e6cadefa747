"""Authorities come into being, certify each other (`establish`), and get new keys
(`rollover`)."""
