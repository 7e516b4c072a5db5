"""Compile-time helpers: one source for MicroPython's viper compiler and for CPython.

    from babbitt_node.hal.compile import const, micropython, ptr16, ptr32

On MicroPython the compiler itself knows the literal decorators `@micropython.viper` and
`@micropython.native`, the literal names `ptr8`, `ptr16`, `ptr32` inside a viper function, and `NAME =
const(...)`: write them exactly so. The names are imported only to keep the source valid.

`buffer: ptr32` as an argument of a viper function is the same as `ptr32(buffer)` in it. Viper keeps the first three names
of a function in registers (arguments come first) and all others in memory: arguments that an inner loop uses most come
first, and those that are done with are used again in it.

On CPython native and bytecode do nothing and the pointers are checked views: an index outside the buffer raises
IndexError and a value that does not fit raises OverflowError where viper would silently read or write
something else.

What differs between the widths of viper and must be respected by every kernel: `ptr16` reads *unsigned*
values (sign: `(v ^ 0x8000) - 0x8000`); `ptr32` reads a signed value on an ESP32 but an unsigned one on a
64-bit PC, so never read back a negative value by `ptr32`; sums wrap at 2^31 on an ESP32 and do not on a PC,
so keep every intermediate inside signed 32 bits.
"""

import sys

if sys.implementation.name == "micropython":
    import micropython
    from micropython import const

    ptr8 = ptr16 = ptr32 = None  # known to the viper compiler; never called at run time
else:

    def const(value):
        """The value itself; MicroPython folds it into the code."""
        return value

    def _same(function):
        return function

    def _viper(function):
        """What the compiler does with arguments that are annotated as pointers: they become views of the buffers."""
        kinds = function.__annotations__
        names = function.__code__.co_varnames
        views = [(i, kinds[name]) for i, name in enumerate(names) if kinds.get(name) in (ptr8, ptr16, ptr32)]
        if not views:
            return function

        def called(*arguments):
            arguments = list(arguments)
            for i, view in views:
                arguments[i] = view(arguments[i])
            return function(*arguments)

        called.__name__ = function.__name__
        called.__doc__ = function.__doc__
        return called

    class micropython:
        """The decorators of MicroPython's compiler."""

        viper = staticmethod(_viper)
        native = staticmethod(_same)
        bytecode = staticmethod(_same)

        @staticmethod
        def const(value):
            """As the function `const`."""
            return value

    class _Pointer:
        """A checked view of a buffer as items of one width.

        `low`..`high` is what may be stored. Raises IndexError outside the buffer, OverflowError for a value
        that does not fit, TypeError for a value that is no int.
        """

        code = "B"
        low = 0
        high = 255

        def __init__(self, buffer):
            self._items = memoryview(buffer).cast("B").cast(self.code)

        def __getitem__(self, index):
            if index < 0:
                raise IndexError("a pointer read before its buffer")
            return self._items[index]

        def __setitem__(self, index, value):
            if index < 0:
                raise IndexError("a pointer wrote before its buffer")
            if not self.low <= value <= self.high:
                raise OverflowError("%d does not fit" % value)
            self._items[index] = value

    class ptr8(_Pointer):
        """Unsigned bytes."""

    class ptr16(_Pointer):
        """Unsigned 16-bit items; a negative value is stored as its two's complement."""

        code = "H"
        low = -0x8000
        high = 0xFFFF

        def __setitem__(self, index, value):
            super().__setitem__(index, value if not -0x8000 <= value < 0 else value & 0xFFFF)

    class ptr32(_Pointer):
        """Signed 32-bit items, as on an ESP32."""

        code = "i"
        low = -0x80000000
        high = 0x7FFFFFFF
