"""Whether certificates hold, told to those who ask.

OCSP from the books (`responder`, `status`, `asked_kinds`), made (`ocsp_answers`) and
kept while they are right (`kept_answers`, `journal_watch`); to residents
(`confirmation`); and about the past (`history`).
"""
