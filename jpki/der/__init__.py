"""DER bytes: a writer, a strict reader, object identifiers and times. No meaning."""
