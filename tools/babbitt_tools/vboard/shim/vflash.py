"""A partition of a flash chip that is a file: the block device on which MicroPython's own LittleFS works."""

_BLOCK = 4096


class Partition:
    """`size` bytes from `offset` of the file `path`. A write to flash can only clear bits: LittleFS erases first."""

    def __init__(self, path, offset, size):
        self._file = open(path, "r+b")  # noqa: SIM115 - open as long as the board
        self._offset = offset
        self._blocks = size // _BLOCK

    def readblocks(self, block, buf, at=0):
        """Fill `buf`."""
        self._file.seek(self._offset + block * _BLOCK + at)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, at=None):
        """Write `buf`; without `at` the blocks are erased first."""
        if at is None:
            for number in range(block, block + (len(buf) + _BLOCK - 1) // _BLOCK):
                self.ioctl(6, number)
            at = 0
        self._file.seek(self._offset + block * _BLOCK + at)
        self._file.write(buf)

    def ioctl(self, op, argument):
        """Sync, count, size, erase."""
        if op == 3:
            self._file.flush()
        elif op == 4:
            return self._blocks
        elif op == 5:
            return _BLOCK
        elif op == 6:
            self._file.seek(self._offset + argument * _BLOCK)
            self._file.write(b"\xff" * _BLOCK)
        return 0


def mount(path, offset, size):
    """The file system of a partition; one that is empty is made, as MicroPython does at its first start."""
    import vfs

    partition = Partition(path, offset, size)
    try:
        return vfs.VfsLfs2(partition, readsize=32, progsize=32, lookahead=32)
    except OSError:
        first = bytearray(16)
        partition.readblocks(0, first)
        if first != b"\xff" * 16:
            print(
                "The filesystem appears to be corrupted. If you had important data there, you may want to make a flash snapshot"
            )
            raise
        vfs.VfsLfs2.mkfs(partition)
        return vfs.VfsLfs2(partition)
