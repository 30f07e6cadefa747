"""Signed documents as bytes: made with a signer, taken apart, checked by mathematics.

Nothing here decides whom to trust; that is `jpki.verify`.
"""
