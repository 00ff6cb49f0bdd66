"""Files <-> arrays: clips and pictures in, frames by number out, and back to disk."""
