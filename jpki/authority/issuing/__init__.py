"""Citizens' certificates: from an application and a card's request to the certificate.

`issuance` judges the request, `drafting` makes the certificate's content with the list
that it names (`sharding`), `recording` and `batch` do it for many at a time.
"""
