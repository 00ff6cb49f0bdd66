"""The commands that are not LightningCLI's own."""
