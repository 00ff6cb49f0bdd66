"""Readers: one kind of file each behind one small interface; ``clips.py`` chooses and checks."""
