"""From a checkpoint to verified artifacts for the device. Needs the `export` extra."""
