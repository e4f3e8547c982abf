"""How reviewers and the model agree, and reviews as labelled examples."""
