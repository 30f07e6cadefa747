"""`jpki doctor`: what is wrong with an installation, and what to do about it.

Nothing here changes anything: no schema is migrated, no folder made, no file mended.
"""
