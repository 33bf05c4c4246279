"""The HTTP door: authenticate, limit, decode, answer, explain errors."""
