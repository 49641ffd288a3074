"""Terzaghi's consolidation of a cube by the coupled Biot model and by scikit-fem; a part of mechanics.py.

Solved in three dimensions by both, with the same steps in time. scikit-fem gets quadratic displacements and linear
pressures on hexahedra (Taylor and Hood), one LU factorisation for all steps, and the coarsest mesh on which its error
is not larger than ours.
"""

import numpy as np
from common import Figure, alternating_times

from oxablate.physics.mechanics.closures import Alexander, Loads, Medium, Roller, Traction, lame_from_poisson
from oxablate.physics.mechanics.step import BiotModel
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces
from oxablate.space.grid import VoxelGrid

EDGE, SHEAR, POISSON, CONDUCTIVITY, LOAD = 0.05, 2e3, 0.2, 1e-12, 1e3  # m, Pa, 1, m2/(Pa s), Pa
GAMMA = 1 - 1 / np.sqrt(2)  # share of the step in each stage of Alexander's scheme


def cube(n: int, shear: np.ndarray, conductivity: np.ndarray) -> BiotModel:
    """A cube of n voxels along an edge: smooth walls below and around, a load on the drained top."""
    ones = np.ones((n, n, n))
    medium = Medium(lame_from_poisson(shear, POISSON), shear, ones, 0 * ones, conductivity)
    drainage = OuterFaces((*(NoFlow(),) * 5, Dirichlet(0.0)))
    loads = Loads((*(Roller(),) * 5, Traction((0, 0, -LOAD))), drainage)
    return BiotModel(VoxelGrid((n, n, n), (EDGE / n,) * 3), medium, loads)


def consolidation_time(share: float) -> float:
    """Time [s] at which c t / EDGE^2 = share."""
    return share * EDGE**2 / (CONDUCTIVITY * SHEAR * 2 * (1 - POISSON) / (1 - 2 * POISSON))


def exact(height: np.ndarray, time: float) -> np.ndarray:
    """Pressure over load in Terzaghi's column drained at height 1; time c t / H^2."""
    m = np.pi * (2 * np.arange(200) + 1) / 2
    return np.sum(2 / m * np.sin(np.multiply.outer(1 - height, m)) * np.exp(-(m**2) * time), axis=-1)


class OurTerzaghi:
    """Consolidation of a uniform cube; `error`: rms over the centres of the voxels of the pressure over the load."""

    def __init__(self, n: int, steps: int, end: float):
        self.n, self.steps, self.end = n, steps, end

    def __call__(self) -> float:
        ones = np.ones((self.n,) * 3)
        model = cube(self.n, SHEAR * ones, CONDUCTIVITY * ones)
        state, step = model.rest(), consolidation_time(self.end) / self.steps
        for _ in range(self.steps):
            done = model.try_step(state, step, Alexander(), tolerance=1e-6)
            state = done.state
        height = (np.arange(self.n) + 0.5) / self.n
        self.error = float(np.sqrt(np.mean((state.pressure / LOAD - exact(height, self.end)) ** 2)))
        return self.error


class PeerTerzaghi:
    """The same by scikit-fem: lengths over the edge, stresses over lambda + 2 G, times over the consolidation time."""

    def __init__(self, n: int, steps: int, end: float):
        self.n, self.steps, self.end = n, steps, end

    def __call__(self) -> float:
        from scipy.sparse import bmat
        from scipy.sparse.linalg import splu

        mesh, u, p, (stiff, coupling, flow, load) = self._assemble()
        held, drained = self._given(u, p)
        free_u, free_p = np.setdiff1d(np.arange(u.N), held), np.setdiff1d(np.arange(p.N), drained)
        stiff, flow = stiff[free_u][:, free_u], flow[free_p][:, free_p]
        coupling, load = coupling[free_p][:, free_u], load[free_u]
        step = self.end / self.steps
        factors = splu(bmat([[stiff, -coupling.T], [-coupling, -GAMMA * step * flow]], format="csc"))
        content = np.zeros(free_p.size)
        for _ in range(self.steps):
            rate, base = np.zeros(free_p.size), content
            for carried in (0.0, 1 - GAMMA):
                base = content + carried * step * rate
                solution = factors.solve(np.concatenate([load, -base]))
                rate = -flow @ solution[free_u.size :]
            content = base + GAMMA * step * rate
        pressure = np.zeros(p.N)
        pressure[free_p] = solution[free_u.size :]
        centres = np.asarray(mesh.p[:, mesh.t].mean(axis=1))
        values = pressure[p.nodal_dofs[0][mesh.t]].mean(axis=0)
        self.error = float(np.sqrt(np.mean((values - exact(centres[2], self.end)) ** 2)))
        return self.error

    def _assemble(self):
        from skfem import Basis, BilinearForm, ElementHex1, ElementHex2, ElementVector, LinearForm, MeshHex
        from skfem.helpers import ddot, div, dot, grad, sym_grad, trace

        share = (1 - 2 * POISSON) / (2 * (1 - POISSON))  # G / (lambda + 2 G)
        line = np.linspace(0, 1, self.n + 1)
        mesh = MeshHex.init_tensor(line, line, line)
        u = Basis(mesh, ElementVector(ElementHex2()), intorder=4)
        p = u.with_element(ElementHex1())

        @BilinearForm
        def elastic(a, b, _):
            return 2 * share * ddot(sym_grad(a), sym_grad(b)) + (1 - 2 * share) * trace(grad(a)) * trace(grad(b))

        @BilinearForm
        def volume(a, q, _):
            return div(a) * q

        @BilinearForm
        def darcy(q, r, _):
            return dot(grad(q), grad(r))

        @LinearForm
        def push(b, _):
            return -b[2]

        top = u.boundary(mesh.facets_satisfying(lambda x: np.isclose(x[2], 1)))
        matrices = elastic.assemble(u), volume.assemble(u, p), darcy.assemble(p), push.assemble(top)
        return mesh, u, p, matrices

    @staticmethod
    def _given(u, p):
        """Displacements through smooth walls, pressures at the top."""
        walls = [
            u.get_dofs(lambda x, a=a: np.isclose(x[a], 0) | (np.isclose(x[a], 1) if a < 2 else False)).all(
                [f"u^{a + 1}"]
            )
            for a in range(3)
        ]
        return np.unique(np.concatenate(walls)), p.get_dofs(lambda x: np.isclose(x[2], 1)).all()


def comparison(n: int, steps: int, end: float, repeats: int) -> list[Figure]:
    """Seconds of both for the same error."""
    ours = OurTerzaghi(n, steps, end)
    ours()
    for size in range(n // 2, 2 * n):
        peer = PeerTerzaghi(size, steps, end)
        if peer() <= ours.error:
            break
    times = alternating_times({"ours": ours, "scikit_fem": peer}, repeats)
    rows = [Figure.judged("biot.speedup_vs_scikit_fem", times["scikit_fem"] / times["ours"], "times", ">= 10")]
    rows += [Figure.judged(f"biot.terzaghi_time_{name}", value, "s", "") for name, value in times.items()]
    rows += [
        Figure.judged(f"biot.terzaghi_error_{name}", r.error, "", "") for name, r in (("ours", ours), ("peer", peer))
    ]
    return rows + [
        Figure.judged(f"biot.terzaghi_cells_{name}", r.n, "per edge", "")
        for name, r in (("ours", ours), ("peer", peer))
    ]
