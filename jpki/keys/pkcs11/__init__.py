"""Keys that never leave a hardware token (PKCS #11 v2.40).

`uri` and `values` are free of it; the other modules import python-pkcs11, an optional
dependency, and are themselves imported only where the settings name a token.
"""
