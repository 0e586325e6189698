"""Videos whose cuts are known, and videos without one in which much happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.shots import cuts, one_shot
from benchmarks.shots.synthetic import SyntheticVideo, each, grained, grey, lit, squeezed

#: What videos are made of; each takes a generator of chance.
MAKERS: tuple[Callable[[np.random.Generator], SyntheticVideo], ...] = (
    cuts.other_places,
    cuts.angles,
    cuts.nearer,
    cuts.same_person,
    cuts.short,
    cuts.slow,
    lambda rng: each(cuts.other_places(rng), "cut_grain", lambda image: grained(image, rng, 25)),
    lambda rng: each(
        cuts.other_places(rng), "cut_dark", lambda im: grained(lit(im, 0.12, 4), rng, 3)
    ),
    lambda rng: each(cuts.other_places(rng), "cut_grey", grey),
    lambda rng: each(cuts.other_places(rng), "cut_compressed", lambda image: squeezed(image, 8)),
    lambda rng: cuts.through(rng, white=False, same=False),
    lambda rng: cuts.through(rng, white=True, same=False),
    cuts.dissolve,
    one_shot.quiet,
    one_shot.flash,
    one_shot.pan,
    one_shot.zoom,
    one_shot.shake,
    one_shot.walker,
    one_shot.lamps,
    lambda rng: cuts.through(rng, white=False, same=True),
    lambda rng: cuts.through(rng, white=True, same=True),
    lambda rng: each(one_shot.quiet(rng), "grain", lambda image: grained(image, rng, 35)),
    lambda rng: each(one_shot.quiet(rng), "dark", lambda im: grained(lit(im, 0.1, 3), rng, 4)),
    lambda rng: each(one_shot.quiet(rng), "compressed", lambda image: squeezed(image, 6)),
    one_shot.snapshots,
    one_shot.moving_slow,
)


def videos(count: int, seed: int = 0) -> Iterator[SyntheticVideo]:
    """So many videos of each kind."""
    for number, make in enumerate(MAKERS):
        for k in range(count):
            yield make(np.random.default_rng((seed, number, k)))
