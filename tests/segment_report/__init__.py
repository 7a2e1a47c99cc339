"""Reports of segments: what they say of planted worlds, and how they show it."""
