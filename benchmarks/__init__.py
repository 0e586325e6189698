"""Measures; the product never imports it."""
