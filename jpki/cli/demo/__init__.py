"""`jpki demo`: the whole story on real servers, told as it happens."""
