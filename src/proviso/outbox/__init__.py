"""Notifications that survive a restart. Empty until the outbox is built."""
