"""What a certification authority does: use cases over an `Office`.

Found and cross-certify (`establish`), certify responders and operators (`delegation`),
take applications and issue (`applications`, `issuance`), revoke (`revocation`,
`intake`), publish (`publication`), answer (`status`), and account for it all
(`recovery`, `audit`).
"""
