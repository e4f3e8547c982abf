"""For tests, ours and users': a model server that answers from a script."""
