"""Frozen outside models, each behind a protocol of one method."""
