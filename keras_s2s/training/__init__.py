"""What `fit` needs: the loss and the metrics over real tokens."""
