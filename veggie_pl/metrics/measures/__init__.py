"""The measures as functions of what is scored: one number per sample, in the unit that tables print.

One file an aspect; each lists its rows of the skill table. What several measures need is in ``metrics.scored.Scored``.
"""
