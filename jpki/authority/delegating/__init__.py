"""Certifying those who work for an authority: its operators, and its responders.

People and what they may do are in `operators`, keys for OCSP answers in
`responder_keys`; the certificate of either is recorded by `delegates`.
"""
