"""What the commands can be told, on a command line or in YAML, and what that means."""
