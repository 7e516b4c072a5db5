"""Integer arithmetic against Python's own unbounded integers."""

from helpers import Random, without_heap

from babbitt_node.dsp.intmath import MAX, isqrt, muldiv


def test_isqrt_is_the_floor_of_the_root():
    random = Random(1)
    numbers = [0, 1, 2, 3, 4, 15, 16, 17, MAX - 1, MAX, 32767 * 32767 - 1, 32767 * 32767]
    numbers += [random.between(0, MAX) >> random.between(0, 29) for _ in range(300)]
    for n in numbers:
        root = isqrt(n)
        assert root * root <= n < (root + 1) * (root + 1), n


def test_muldiv_is_the_rounded_quotient_and_saturates():
    random = Random(2)
    for _ in range(600):
        a = random.between(0, MAX) >> random.between(0, 29)
        b = random.between(0, MAX) >> random.between(0, 29)
        c = random.between(1, 1 << 29) >> random.between(0, 28) or 1
        assert muldiv(a, b, c) == min(MAX, (2 * a * b + c) // (2 * c)), (a, b, c)


def test_muldiv_at_its_edges():
    assert muldiv(MAX, MAX, 1 << 29) == MAX
    assert muldiv(MAX, 1 << 29, 1 << 29) == MAX
    assert muldiv(0, MAX, 1) == muldiv(MAX, 0, 1) == 0
    assert muldiv(MAX, 1, 1) == MAX
    assert muldiv(1, 1, 2) == 1 and muldiv(1, 1, 3) == 0
    assert muldiv(MAX, 3, 3) == MAX


def test_nothing_allocates():
    numbers = (1, 12345, MAX)

    def work():
        for n in numbers:
            isqrt(n)
            muldiv(n, MAX, 3)
            muldiv(n, 77777, 99999)

    without_heap(work)
