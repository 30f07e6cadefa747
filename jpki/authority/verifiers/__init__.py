"""署名検証者: who is registered (`accounts`), and who is let in (`admission`)."""
