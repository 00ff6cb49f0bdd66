"""Masks: as run lengths, as painted colours, and read back from a painted clip."""
