"""Accounting for everything: the log as it is written, sealed, examined and proven.

What is told to the journal and the log (`journaling`), signed heads of the log
(`checkpoints`), an examination of all books (`examining`) with the blocks of serial
numbers (`serial_blocks`), and proofs for others (`proofs`).
"""
