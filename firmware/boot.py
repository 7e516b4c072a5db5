"""Runs before main.py at every start. Nothing belongs here that could keep a board from being reached
again.
"""
