"""Alerts in, signed HTTP deliveries out: who subscribed to what, and proof that each got all of it."""
