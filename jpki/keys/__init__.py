"""Private keys as signers: in memory, in encrypted files, on a card."""
