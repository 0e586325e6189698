"""Faces on their way into a network: batches, augmentation, corruptions."""
