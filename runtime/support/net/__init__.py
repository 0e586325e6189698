"""Sockets, TLS, URLs, and an HTTP server with limits."""
