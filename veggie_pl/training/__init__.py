"""What a run needs beside its module: optimizer, precision, shards of weights, checkpoints that are whole."""
