"""Modes of one window by covariance-driven stochastic subspace identification, through pyOMA-2.

Import this module in a process of its own (`child.py`): pyOMA-2 sets up a logger and draws progress bars.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pyoma2.algorithms import SSI
from pyoma2.setup import SingleSetup
from scipy.linalg import qr

from jingqiao.modal.observation import Mode
from jingqiao.modal.window import Window

Float = npt.NDArray[np.float64]

RATE_HZ: Final = 40.0
"""Samples are thinned out to this rate at least: modes up to 16 Hz are seen."""
BLOCK_ROWS: Final = 30
"""Lags of the covariances. 0.6 s at 50 Hz: half a period of 0.8 Hz; of slower modes the damping comes out
too high."""
LEAST_ORDER, MOST_ORDER, ORDER_STEP = 4, 40, 2
REFERENCES: Final = 3
"""Channels that the covariances are taken against. The uncertainty's cost grows with their square."""
PIECES: Final = 20
"""Parts of a window whose scatter gives the covariances' own covariance (Döhler & Mevel 2013)."""
STABLE: Final = {"err_fn": 0.01, "err_xi": 0.3, "err_phi": 0.05}
"""A pole is stable when the next lower order has it, too: frequency 1 %, damping 30 %, 1 − MAC 0.05."""
BELIEVED: Final = {"xi_max": 0.1, "mpc_lim": 0.7, "mpd_lim": 0.3, "CoV_max": 0.05}
"""Bridges' modes are damped by less than 10 %, and their shapes are nearly real."""
APART: Final = 0.01
"""Stable poles that lie closer together than this share are one mode."""
LEAST_SHARE: Final = 0.4
"""Share of the orders at which a mode must be stable."""
TOP: Final = 0.4
"""Share of the sampling rate above which the anti-aliasing filter has its say."""
LOWEST_HZ: Final = 0.1


def modes_of(window: Window) -> list[Mode]:
    """The modes of a window, by frequency; empty where nothing was stable."""
    setup = SingleSetup(window.samples, window.rate_hz)
    setup.detrend_data()
    thinner = int(window.rate_hz // RATE_HZ)
    if thinner > 1:
        setup.decimate_data(q=thinner)
    samples: Any = setup.data
    if not np.isfinite(samples).all() or samples.std(axis=0).max() == 0:
        return []
    samples /= samples.std()  # covariances of g are so small that inverses suffer
    method = SSI(
        name="modes",
        method="cov",
        br=BLOCK_ROWS,
        ordmin=LEAST_ORDER,
        ordmax=MOST_ORDER,
        step=ORDER_STEP,
        ref_ind=_references(samples),
        calc_unc=True,
        nb=PIECES,
        hc=BELIEVED,
        sc=STABLE,
    )
    setup.add_algorithms(method)
    try:
        setup.run_all()
    except np.linalg.LinAlgError:
        return []
    return _chosen(method.result, float(setup.fs))


def _references(samples: Float) -> list[int]:
    """The channels that tell most together: the strongest, then what is strongest beside it, and so on."""
    _, _, order = qr(samples, mode="economic", pivoting=True)
    return sorted(int(channel) for channel in order[:REFERENCES])


def _chosen(found: Any, rate_hz: float) -> list[Mode]:
    """Groups of stable poles that lie together at enough orders."""
    frequency: Float = found.Fn_poles
    with np.errstate(invalid="ignore"):
        good = (found.Lab == 1) & (frequency > LOWEST_HZ) & (frequency < TOP * rate_hz)
    good &= np.isfinite(found.Fn_poles_std) & (found.Xi_poles > 0)
    pole, order = np.nonzero(good)
    by = np.argsort(frequency[pole, order])
    pole, order = pole[by], order[by]
    hz = frequency[pole, order]
    borders = np.flatnonzero(np.diff(hz) > APART * hz[:-1]) + 1
    orders = (MOST_ORDER - LEAST_ORDER) // ORDER_STEP + 1
    modes = []
    for group in np.split(np.arange(len(hz)), borders):
        share = len(set(order[group].tolist())) / orders
        if share < LEAST_SHARE:
            continue
        middle = group[np.argmin(np.abs(hz[group] - np.median(hz[group])))]
        own = pole[group], order[group]
        deviation = float(np.hypot(np.median(found.Fn_poles_std[own]), np.std(hz[group])))
        modes.append(
            Mode(
                float(np.median(hz[group])),
                deviation,
                float(np.median(found.Xi_poles[own])),
                share,
                _real(found.Phi_poles[pole[middle], order[middle]]),
            )
        )
    return modes


def _real(shape: npt.NDArray[np.complex128]) -> tuple[float, ...]:
    """A shape turned so that it is as real as can be, its greatest part 1."""
    turn = 0.5 * np.angle(np.sum(shape**2))
    real = (shape * np.exp(-1j * turn)).real
    greatest = real[np.argmax(np.abs(real))]
    return tuple(np.round(real / greatest, 4).tolist()) if greatest else tuple(real.tolist())
