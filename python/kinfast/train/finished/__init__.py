"""What is asked of a finished run: answers about any store, embeddings, attributions, exported models."""
