"""Is a prepared table whole: every row decoded, in processes of their own, and compared with the others."""
