"""The node: read what the board is, make the node of it, run it for ever.

A crash that nothing below could heal is written to crash.txt, and the board starts afresh.
"""

import asyncio
import sys
import time

from babbitt_node.app import Node
from babbitt_node.hal.board import Board

PAUSE_S = 5  # time for a person at the REPL to press Ctrl-C before the next start


def main():
    board = Board.load("board.json")
    node = Node(board)
    try:
        asyncio.run(node.run())
    except KeyboardInterrupt:
        node.stop()
        raise
    except Exception as error:
        with open("crash.txt", "w") as file:
            sys.print_exception(error, file)
        sys.print_exception(error)
        time.sleep(PAUSE_S)
        board.restart()


main()
