"""From labelled faces to a checkpoint. Needs the `train` extra."""
