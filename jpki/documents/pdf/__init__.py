"""Signatures in PDF (ISO 32000, PAdES: ETSI EN 319 142): checked and made.

Checking reads the file by itself, strictly; making goes through pyHanko.
"""
