"""A BiLSTM over a track's last moments: made sequences, training, comparison with smoothing."""
