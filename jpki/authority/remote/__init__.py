"""The authorities as others reach them: over HTTP (`client`), with answers as values
(`answers`)."""
