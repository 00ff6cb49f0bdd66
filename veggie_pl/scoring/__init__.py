"""Outputs of any method, scored: listed and judged first, kept row by row, summed up in one report."""
