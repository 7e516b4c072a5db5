import json
import sys


def document(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def flash_bytes():
    try:
        import esp

        return esp.flash_size()
    except ImportError:
        return None


try:
    from babbitt_node import __version__ as firmware
except ImportError:
    firmware = None
import machine

node, board, boot = document("node.json"), document("board.json"), document("boot.json")
about = sys.implementation
print(
    json.dumps(
        {
            "site": node.get("site"),
            "node": node.get("node"),
            "firmware": firmware,
            "board": board.get("babbitt", {}).get("name"),
            "mcu": board.get("mcu"),
            "micropython": ".".join(str(part) for part in about[1][:3]),
            "machine": getattr(about, "_machine", "unknown"),
            "mac": ":".join("%02x" % byte for byte in machine.unique_id()),
            "flash_bytes": flash_bytes(),
            "install": boot.get("i"),
            "boot": boot.get("boot"),
        }
    )
)
