"""Faces to steady labels: classifier, smoothing, temporal head."""
