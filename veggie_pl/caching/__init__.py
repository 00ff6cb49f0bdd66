"""Fills the caches of a run before it: latents and vision features of every example that its mixture will give."""
