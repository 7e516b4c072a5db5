"""Mean and peak-to-peak of a window."""

from array import array

from babbitt_node.dsp import kernels
from babbitt_node.dsp.scaling import finish, start, times

_sums = array("i", [0] * 3)
_pair = array("i", [0, 0])


def levels(axis, n, scale_num, scale_den, out, at):
    """Write mean and peak-to-peak of axis[0:n] in micro-g to out[at:at+2], rounded, within +-(2^30-1).

    Arguments as of features.vibration, which has checked them. Not re-entrant.
    """
    kernels.extent(axis, n, _sums)
    start(_pair, abs(_sums[0]), 0)
    times(_pair, scale_num, scale_den * n)
    mean = finish(_pair)
    out[at] = mean if _sums[0] >= 0 else -mean
    start(_pair, _sums[2] - _sums[1], 0)
    times(_pair, scale_num, scale_den)
    out[at + 1] = finish(_pair)
