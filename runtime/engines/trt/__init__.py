"""TensorRT: plans, what builds them, and what runs them."""
