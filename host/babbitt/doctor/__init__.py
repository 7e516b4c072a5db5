"""What is wrong with a host and its nodes, and what to do about it.

    finding.py    what a finding is; all kinds of them
    place.py      the settings, the store, the disk, the host itself
    broker.py     the broker, by connecting to it as the host does
    fleet.py      the nodes, by what the store knows of them

Each looks and gives findings; nothing is changed but a file that is written and removed to see whether that is possible,
and a message to a node that does not exist.
"""
