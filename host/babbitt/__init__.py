"""Babbitt."""
