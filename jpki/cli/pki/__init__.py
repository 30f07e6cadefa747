"""`jpki pki`: a whole PKI of one era as files, and pictures of it."""
