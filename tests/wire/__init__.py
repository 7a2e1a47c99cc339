"""Messages in and out: what is understood, what is refused and why, what is sent."""
