"""Physics: a rotating machine whose bearing wears, and a cold room whose compressor fades. Both are worlds
of a virtual board.
"""
