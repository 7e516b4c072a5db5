"""Receiving: a broker, a receiver that acknowledges by hand, and the ingest that commits before it answers."""
