"""Still pictures: which kinds there are, what a header says, reading them, folders of them."""
