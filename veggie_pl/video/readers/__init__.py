"""Readers: one kind of file each behind one small interface; ``clip.py`` chooses and checks."""
