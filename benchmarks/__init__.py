"""Speed and memory against named peers, one script a question."""
