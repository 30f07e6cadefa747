"""XML Signature (W3C XMLDSIG 1.1) and XAdES (ETSI EN 319 132-1), made and checked.

What is read here was written by a stranger: no document type, entity or address in it
is ever followed, and what it may cost is bounded before any of it is canonicalized.
"""
