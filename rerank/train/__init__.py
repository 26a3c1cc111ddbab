"""From packed questions with their passages to the weights of a cross-encoder."""
