"""Mean and peak-to-peak of a window."""

from array import array

from babbitt_node.dsp import kernels
from babbitt_node.dsp.scaling import scaled

_sums = array("i", [0] * 3)


def levels(axis, n, scale_num, scale_den, out, at):
    """Write mean and peak-to-peak of axis[0:n] in micro-g to out[at:at+2], rounded, within +-(2^30-1).

    Arguments as of features.vibration, which has checked them. Not re-entrant.
    """
    kernels.extent(axis, n, _sums)
    mean = scaled(abs(_sums[0]), 0, scale_num, scale_den * n, 1, 1)
    out[at] = mean if _sums[0] >= 0 else -mean
    out[at + 1] = scaled(_sums[2] - _sums[1], 0, scale_num, scale_den, 1, 1)
