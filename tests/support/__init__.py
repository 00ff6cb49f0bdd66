"""Helpers that tests share: small real parts, files made for a test, and what runs in processes of its own."""
