"""The stages between a source and the results, and the threads that join them."""
