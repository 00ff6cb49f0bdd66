"""Judges: models that rate an edit as a person would; raw replies, settings and failures are kept."""
