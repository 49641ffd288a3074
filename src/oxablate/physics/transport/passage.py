"""One call of `Transport.advance`: checks at the door, then the sub-steps of all species in their window."""

import numpy as np

from ...numerics.jit import plane_sum
from ...quantities.refusal import BadInput
from . import kernels, ordering, spreading, window
from .budget import SpeciesBook
from .stepping import count, courant_ahead, variation_sums


def _field(values, shape, what: str) -> np.ndarray:
    """A field as a float64, C-ordered array, refused when its shape is not the grid's."""
    array = np.require(values, np.float64, ["C", "W"])
    if array.shape != tuple(shape):
        raise BadInput(f"{what} has shape {array.shape}, the grid asks for {tuple(shape)}: check the grid it came from")
    return array


def _in_place(array, shape, what: str) -> np.ndarray:
    """An array that is written in place, refused when that cannot be done."""
    good = isinstance(array, np.ndarray) and array.dtype == np.float64 and array.flags.c_contiguous
    if not good or not array.flags.writeable or array.shape != tuple(shape):
        raise BadInput(f"{what} must be a writable C-ordered float64 array of shape {tuple(shape)}: pass such an array")
    return array


def _spread_out(values, shape, dtype, what: str) -> np.ndarray:
    """A number or a field as a three-dimensional array, of shape (1, 1, 1) for a number."""
    array = np.require(values, dtype, ["C", "W"])
    array = array.reshape(1, 1, 1) if array.ndim == 0 else array
    if array.shape not in ((1, 1, 1), tuple(shape)):
        raise BadInput(f"{what} has shape {array.shape}, the grid asks for {tuple(shape)}: check the grid it came from")
    return array


def _strides(own, shape, turn) -> tuple[int, int, int]:
    """Strides in elements of a C-ordered field along the turned axes; zero for one number standing for the grid."""
    strides = (shape[1] * shape[2], shape[2], 1) if own == shape else (0, 0, 0)
    return tuple(strides[axis] for axis in turn)


class Passage:
    """The flow, the species, the listed fast voxels and the window of one flow step. Arguments: `Transport.advance`."""

    def __init__(self, transport, concentration, fluid_volume, fluxes, species, dt, no_diffusion) -> None:
        self.shape, self.work, self.degree = transport.shape, transport.work, transport.degree
        self.stepping, self.inverse_squares = transport.stepping, transport.inverse_squares
        if not (np.isfinite(dt) and dt > 0.0):
            raise BadInput(f"a flow step must last a positive number of seconds, got {dt}")
        self.dt, self.species = float(dt), species
        self.c = _in_place(concentration, (len(species), *self.shape), "concentration")
        self._take_flow(fluxes, _in_place(fluid_volume, self.shape, "fluid volume"))
        self.closed = _spread_out(False if no_diffusion is None else no_diffusion, self.shape, np.bool_, "no_diffusion")
        self._take_species()
        self.listed, self.listed_for, self.sorted = np.empty(0, np.int32), 0.0, 0
        self.reversed_axes = False

    def _take_flow(self, fluxes, volume: np.ndarray) -> None:
        """Bring the flow into the form the kernels read; find what moves."""
        nx, ny, nz = self.shape
        shapes = {"qx": (nx + 1, ny, nz), "qy": (nx, ny + 1, nz), "qz": (nx, ny, nz + 1)}
        names = ("qx", "qy", "qz", "needle", "gained", "lost")
        arrays = tuple(_field(getattr(fluxes, name), shapes.get(name, self.shape), name) for name in names)
        self.flow = (*arrays, self.work["out"], self.work["net"], volume, self.work["supplied"])
        self.flat = tuple(array.reshape(-1) for array in self.flow)
        self.planes = np.empty((nx, 6))
        kernels.survey_flow(self.flow, self.dt, self.planes)
        if self.planes[:, kernels.STRAY].any():
            raise BadInput("a flux, a fluid source or the fluid volume is not finite: check the flow step before it")
        least = self.planes[:, kernels.LEAST_SOURCE].min()
        if not least >= 0.0:
            raise BadInput(f"needle, gained and lost must not be negative, least is {least:g} m3/s: check their sign")
        self.drains = bool(self.planes[:, kernels.MOST_LOST].max() > 0.0)
        self.moves = self.drains or bool(self.planes[:, kernels.MOST_MOVING].max() > 0.0)

    def _take_species(self) -> None:
        """Bring the species into the form the kernels read; find the scale of each and the first window."""
        everything = window.whole(self.shape)
        self.diffusivity = [_spread_out(one.diffusivity, self.shape, np.float64, "diffusivity") for one in self.species]
        self.exchange = [_spread_out(one.exchange, self.shape, np.float64, "exchange") for one in self.species]
        self.fastest = [float(array.max()) for array in self.diffusivity]
        self.exchanges = [bool(array.any()) for array in self.exchange]
        self.sources = [_spread_out(one.needle, self.shape, np.float64, "needle") for one in self.species]
        self.values = [(float(one.far_field), 1.0 - float(one.retained)) for one in self.species]
        injected = float(plane_sum(self.flow[3]))
        self.books = [SpeciesBook(self._supply(n, injected)) for n in range(len(self.species))]
        self.scales, self.entries, self.window = [], self._entries(injected), window.empty()
        for n, one in enumerate(self.species):
            scale = max(self._strongest(n), self.values[n][0], float(one.plasma) * self.exchanges[n])
            box, least, most = window.occupied(self.c[n], scale, everything)
            if not (least >= 0.0 and most < np.inf):
                raise BadInput(f"the concentration of {one.name} is negative or not finite: check the step before")
            self.scales.append(max(scale, most))
            self.window = window.union(self.window, box)
        self.window = window.union(self.window, self.entries)

    def _supply(self, n: int, injected: float) -> float:
        """What the needle field brings of one species [mol/s]; injected: its fluid [m3/s]."""
        source = self.sources[n]
        if source.size == 1:
            return injected * float(source[0, 0, 0])
        self._fill_supplied(n)
        return float(plane_sum(self.work["supplied"]))

    def _strongest(self, n: int) -> float:
        """The largest concentration that fluid of the needle field brings [mol/m3]."""
        source = self.sources[n]
        return (
            float(source[0, 0, 0]) if source.size == 1 else float(np.max(source, initial=0.0, where=self.flow[3] > 0))
        )

    def _fill_supplied(self, n: int) -> None:
        """Fill what the needle field brings of one species [mol/s]."""
        np.multiply(self.flow[3], self.sources[n], out=self.work["supplied"])

    def _entries(self, injected: float) -> np.ndarray:
        """The window of all places where agent can enter during the step."""
        found = window.empty()
        for n, one in enumerate(self.species):
            if self.exchanges[n] and one.plasma > 0.0:
                return window.whole(self.shape)
            if injected > 0.0 and self.sources[n].max() > 0.0 and window.is_empty(found):
                found = window.occupied(self.flow[3], 0.0, window.whole(self.shape))[0]
        if any(one.far_field > 0.0 for one in self.species):
            for axis in range(3):
                for side, sign in ((0, 1.0), (self.shape[axis], -1.0)):
                    entering = np.argwhere(np.take(sign * self.flow[axis], [side], axis=axis) > 0.0)
                    if entering.size:
                        entering[:, axis] = min(side, self.shape[axis] - 1)
                        bounds = np.stack([entering.min(axis=0), entering.max(axis=0) + 1], axis=1)
                        found = window.union(found, bounds.reshape(-1).astype(np.int64))
        return found

    def emptied(self) -> tuple[int, int, int] | None:
        """The voxel with least fluid at the start or the end of the step, when that is not positive; else None."""
        if self.planes[:, kernels.LEAST_VOLUME].min() > 0.0:
            return None
        i = int(np.argmin(self.planes[:, kernels.LEAST_VOLUME]))
        volume, net = self.flow[8][i], self.flow[7][i]
        j, k = np.unravel_index(int(np.argmin(volume + np.minimum(self.dt * net, 0.0))), volume.shape)
        return i, int(j), int(k)

    def run(self) -> int:
        """All sub-steps, then the fluid volume; returns the number of sub-steps."""
        used, now = 0, 0.0
        if not window.is_empty(self.window):
            step = self.dt / count(self.wanted(0.0, self.dt), self.stepping.most)
            self.spread(0.5 * step, 0.0)
            while now < self.dt:
                end = now + step if now + step * (1.0 + 1e-9) < self.dt else self.dt
                if self.moves:
                    self.carry(now, end)
                used, done, now = used + 1, end - now, end
                left = self.dt - now
                step = left / count(self.wanted(now, left), self.stepping.most - used) if left > 0.0 else 0.0
                self.spread(0.5 * (done + step), now)
        self.work["theta"].reshape(-1)[self.listed] = 0.0
        kernels.advance_volume(self.flow[8], self.flow[7], self.dt)
        return used

    def wanted(self, now: float, ahead: float) -> float:
        """Sub-steps that the time ahead asks for, not rounded."""
        narrow = max(
            g for g, n in zip(self.inverse_squares, self.shape, strict=True) if n > 1 or g == min(self.inverse_squares)
        )
        wanted = max(self.fastest, default=0.0) * ahead * narrow / self.stepping.spreading
        if self.moves and not window.is_empty(self.window):
            sums, seen = np.zeros((self.shape[0], 3)), window.grown(self.window, (1, 1, 1), self.shape)
            for n, value in enumerate(self.values):
                if self.scales[n] > 0.0:
                    c = self.c[n].reshape(-1)
                    self._fill_supplied(n)
                    variation_sums(seen, self.shape, self.flat, c, value, now, ahead, self.scales[n], sums)
            wanted = max(wanted, courant_ahead(sums) / self.stepping.courant)
        return wanted

    def carry(self, start: float, end: float) -> None:
        """One advective sub-step of all species."""
        if end - start > self.listed_for:
            self._list_fast(min(1.1 * (end - start), self.dt))
        theta, ordered, cyclic = self.work["theta"], self.listed[: self.sorted], self.listed[self.sorted :]
        chosen = np.empty_like(self.listed)
        first = ordering.set_shares(ordered, theta, self.flow, start, end, chosen)
        second = ordering.set_shares(cyclic, theta, self.flow, start, end, chosen[first:])
        self.implicit = chosen[:first], chosen[first : first + second]
        found = self.entries
        for n, scale in enumerate(self.scales):
            if scale > 0.0:
                worked = self._carry_one(n, start, end)
                found = window.union(found, window.occupied(self.c[n], scale, worked)[0])
        self.window = found

    def _list_fast(self, longest: float) -> None:
        """List the voxels that a sub-step up to `longest` could overdraw, upstream first."""
        self.work["theta"].reshape(-1)[self.listed] = 0.0
        planes = np.flatnonzero(self.planes[:, kernels.FASTEST] * longest > 1.0 - 1e-9)
        number = ordering.mark_fast(planes, self.degree, self.flow, self.dt, longest)
        self.listed, self.listed_for = np.empty(number, np.int32), longest
        self.sorted = ordering.upstream_order(planes, self.degree, self.listed, self.flow)

    def _carry_one(self, n: int, start: float, end: float) -> np.ndarray:
        """Advection of one species: upwind solution, correction, limits. Returns the window it worked in."""
        work, c, value, flow, times = self.work, self.c[n], self.values[n], self.flow, (start, end)
        self._fill_supplied(n)
        low, drift, theta, reached = work["low"], work["drift"], work["theta"], self.window.copy()
        ordered, cyclic = self.implicit
        threshold = window.NEGLIGIBLE * self.scales[n]
        ordering.solve_in_order(ordered, c, low, theta, flow, value, *times)
        if cyclic.size:
            ordering.solve_together(cyclic, c, low, theta, flow, value, *times)
        for cells in self.implicit:
            ordering.widen(cells, reached, low, threshold)
        active = window.grown(reached, (1, 1, 1), self.shape)
        around, half = window.grown(active, (1, 1, 1), self.shape), 0.5 * (start + end)
        limits, edges = (work["rise"], work["fall"]), tuple(work[name].reshape(-1) for name in ("ax", "ay", "az"))
        kernels.prepare(around, c, low, theta, flow, half, *limits)
        flat = self.flat
        arrays = tuple(array.reshape(-1) for array in (c, low, drift, theta, *limits))
        kernels.upwind_sweep(active, self.shape, flat, arrays, value, *times)
        self.books[n].add_flow(active, c, low, theta, flow, value, end - start, self.drains)
        kernels.correction_fluxes(active, self.shape, flat, arrays, edges, end - start)
        kernels.correction_limits(active, self.shape, flat, arrays, edges, end)
        kernels.apply_correction(active, self.shape, flat, arrays, edges, end)
        return active

    def spread(self, tau: float, when: float) -> None:
        """Diffusion and exchange of all species for a time tau [s], with the fluid volume of `when` [s]."""
        margin = (0, 0, 0)
        for n, scale in enumerate(self.scales):
            if scale > 0.0 and self.fastest[n] > 0.0:
                reach = tuple(window.spread_margin(self.fastest[n] * tau * g) for g in self.inverse_squares)
                active = window.grown(self.window, reach, self.shape)
                margin = tuple(max(a, b) for a, b in zip(margin, reach, strict=True))
                self._spread_one(n, active, tau, when)
        self.window = window.grown(self.window, margin, self.shape)
        self.reversed_axes = not self.reversed_axes
        for n, scale in enumerate(self.scales):
            if scale > 0.0 and self.exchanges[n]:
                plasma = float(self.species[n].plasma)
                amounts = spreading.exchange_sweep(
                    self.window, self.c[n], self.flow[8], self.flow[7], when, self.exchange[n], plasma, tau
                )
                self.books[n].add_exchange(*amounts)

    def _spread_one(self, n: int, active: np.ndarray, tau: float, when: float) -> None:
        """The three line sweeps of one species."""
        shape, fields = self.shape, (self.c[n], self.work["low"], self.flow[8], self.flow[7])
        tissue = self.diffusivity[n], self.closed
        flat = tuple(array.reshape(-1) for array in fields), tuple(array.reshape(-1) for array in tissue)
        for axis in (2, 1, 0) if self.reversed_axes else (0, 1, 2):
            if shape[axis] > 1:
                turn = (axis, *(other for other in range(3) if other != axis))
                steps = tuple(_strides(array.shape, shape, turn) for array in (self.c[n], *tissue))
                box = active.reshape(3, 2)[list(turn)].reshape(-1)
                spreading.line_sweep(box, steps, *flat, when, self.inverse_squares[axis], tau)
