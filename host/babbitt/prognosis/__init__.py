"""Prognostic assessment (ISO 13374): how long it still goes, as an interval, or that nothing can be said.

``prognosis.machine.MachineAnalyser`` and ``prognosis.coldroom.ColdRoomAnalyser`` put the blocks together;
each is the ``Analyser`` of ``protocol.assessment`` for one ``asset.kind``.
"""
