"""What every server needs around its use-cases: settings, clock, problems, a runner.

Nothing here knows Flask, and nothing here knows what a certificate is.
"""
