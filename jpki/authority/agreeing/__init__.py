"""二者管理: what nobody may do alone, written down, agreed to by two, and signed.

The acts with their parameters are `deeds` (read by `deed_reading`), the procedure is
`consent`, what people signed is in `statements`. `jpki.authority.acts` carries it out.
"""
