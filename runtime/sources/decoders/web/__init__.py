"""Pictures that web servers send: one after the other in one answer, or one an answer."""
