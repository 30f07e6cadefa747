"""Small programs that embed the library. Each is run by a test."""
