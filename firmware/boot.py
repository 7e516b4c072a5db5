"""Runs before main.py at every start. Nothing belongs here that could keep a board from being reached again."""

import gc

if hasattr(gc, "threshold"):  # MicroPython: collect often while modules load, so that the heap stays in one piece
    gc.threshold(8192)
