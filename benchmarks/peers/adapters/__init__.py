"""Small scripts, each run by a peer's own interpreter: they import nothing of this project."""
