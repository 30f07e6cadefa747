"""What a municipal counter does with the books.

It files and delivers `applications`, asks for a resident's `holdings`, and takes cards
back (`surrender`).
"""
