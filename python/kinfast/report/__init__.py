"""Tables, figures, HTML."""
