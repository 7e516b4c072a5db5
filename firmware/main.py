"""The node: read what the board is, make the node of it, run it for ever.

A crash that nothing below could heal is written to crash.txt, told in the next birth, and the board starts afresh.
"""

import asyncio
import time

from babbitt_node.app import Node
from babbitt_node.hal.board import Board
from babbitt_node.hal.port import once
from babbitt_node.supervisor import trace

PAUSE_S = 30  # time for a person at the REPL to press Ctrl-C; spares the flash when every start crashes


def main():
    board = Board.load("board.json")
    node = None
    try:
        node = Node(board)
        asyncio.run(node.run())
    except KeyboardInterrupt:
        if node is not None:
            node.stop()
        raise
    except Exception as error:
        text = trace(error)
        print(text)
        try:
            once("crash", "keep", text, node.settings if node is not None else None)
        except Exception as again:  # no memory, no flash: whatever it is, the board starts afresh
            print("crash.txt:", again)
        time.sleep(PAUSE_S)
        board.restart()


main()
