"""Remaining life learnt from a fleet: many machines of a kind that ran, to their end or not.

``history`` reads them, ``regimes`` takes the operating conditions out, ``statistics`` makes features of a history, ``model``
learns and says how sure it is, ``backtest`` says how good that would have been, ``shelf`` keeps models as files.
"""
