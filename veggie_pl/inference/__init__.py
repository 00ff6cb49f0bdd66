"""A trained model at work: on files, on frames in memory, and as a pipeline of diffusers."""
