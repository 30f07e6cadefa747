"""The one way by which any certificate is made, whoever it is for.

Prepared, recorded and signed in `making`, under a number from `serials`, not before
what the log has already (`clock_guard`), and entered into the books by `completing`.
"""
