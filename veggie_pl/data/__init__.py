"""Data: records, streams, the mixture, and Moving Shapes, the embedded world."""
