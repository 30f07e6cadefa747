"""Migrations of the authority database."""
