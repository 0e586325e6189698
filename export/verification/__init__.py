"""Proof that an artifact computes what its network computes."""
