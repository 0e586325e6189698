"""Data sets of labelled faces, each read in its own published layout."""
