"""What turns bytes of files, servers and devices into frames."""
