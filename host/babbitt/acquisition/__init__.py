"""Receiving: a broker, a receiver that acknowledges by hand, an ingest that commits before it answers."""
