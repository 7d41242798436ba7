"""Files to sites: conventions, discovery, specs, metadata."""
