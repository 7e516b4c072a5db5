"""Runs before main.py. Nothing belongs here that could keep a board from being reached again."""

import gc

if hasattr(gc, "threshold"):  # MicroPython: collect often while modules load, so that the heap stays whole
    gc.threshold(8192)
