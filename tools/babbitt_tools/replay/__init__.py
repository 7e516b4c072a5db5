"""Recordings played into the virtual sensors."""
