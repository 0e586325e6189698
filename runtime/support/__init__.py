"""The ground floor: what every room of the runtime uses, and what uses none of them."""
