"""What happened: typed events, durable before the reply; vault.py holds every payload."""
