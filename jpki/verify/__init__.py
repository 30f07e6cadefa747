"""Is this signature to be trusted? Paths, revocation, documents, and the verdict.

The core of this package does no I/O and reads no clock: certificates, CRLs and OCSP
answers are handed in, with the instant to judge at. `jpki.verify.client` is the one
module that fetches. Whatever is missing, stale or not understood never leads to a
`Valid`.
"""
