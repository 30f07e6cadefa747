"""Values, a profile and an instant to to-be-signed bytes; and bytes back to values.

Nothing here does I/O, reads a clock or draws random numbers.
"""
