"""Face detectors: a picture in, faces out."""
