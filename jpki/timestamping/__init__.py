"""A small time-stamp authority (時刻認証局, RFC 3161) for tests and demonstrations.

`founding` certifies it, `authority` answers requests, `application` does so over HTTP,
`client` asks. Reading and making tokens is `jpki.documents`.
"""
