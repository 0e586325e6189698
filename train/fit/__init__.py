"""`python -m train.fit`: trains a model from labelled faces."""
