"""The citizen's card: APDUs, the JPKI application as a program, and its client."""
