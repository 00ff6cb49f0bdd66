"""What a run will need, found out on tensors without data before anything is downloaded."""
