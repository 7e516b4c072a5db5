"""The node: read what the board is, make the node of it, run it for ever.

A crash that nothing below could heal is written to crash.txt, and the board starts afresh.
"""

import asyncio
import time

from babbitt_node.app import Node
from babbitt_node.hal.board import Board
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
            with open("crash.txt", "w") as file:
                file.write(text)
        except OSError as full:  # whatever the flash says, the board starts afresh
            print("crash.txt:", full)
        time.sleep(PAUSE_S)
        board.restart()


main()
