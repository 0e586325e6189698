"""`python -m train.explain`: where a checkpoint looked, drawn beside what it said."""
