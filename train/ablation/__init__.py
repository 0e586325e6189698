"""`python -m train.ablation`: what each part of the network is worth."""
