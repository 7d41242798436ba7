"""Sites to prepared/: illumination, quality, intensity windows, the store."""
