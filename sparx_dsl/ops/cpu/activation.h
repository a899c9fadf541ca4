/* GELU and SiLU of vectors. */
#ifndef SPARX_ACTIVATION_H
#define SPARX_ACTIVATION_H

#include "vector.h"

enum { NO_ACTIVATION = 0, GELU = 1, SILU = 2 };

/* The share of the normal distribution that lies below x, within 2e-7, or 5e-5 where that is fine enough: a half and
 * an odd quotient of polynomials, which is constant from where it is 0 or 1 to that precision. */
INLINE floats normal_share(floats x, const int coarse) {
    floats bound = all(coarse ? 4.0f : 5.3f), z = at_least(-bound, at_most(bound, x)), square = z * z, above, below;
    if (coarse) {
        above = all(-2.0707202e-5f);
        above = above * square + 0.0020083967f;
        above = above * square + 0.038113529f;
        above = above * square + 0.398746515f;
        below = all(0.0247299531f);
        below = below * square + 0.260843726f;
    } else {
        above = all(-1.89557293e-8f);
        above = above * square + 6.53778793e-6f;
        above = above * square + 5.03972756e-4f;
        above = above * square + 0.00665832495f;
        above = above * square + 0.0688292573f;
        above = above * square + 0.398940672f;
        below = all(1.70428917e-4f);
        below = below * square + 0.00377822545f;
        below = below * square + 0.0482498862f;
        below = below * square + 0.339176838f;
    }
    floats share = z * above * reciprocal(below * square + 1.0f, coarse) + 0.5f;
    /* The little that is left of the share there would grow with x. */
    return choose(x < -bound, all(0.0f), share);
}

/* 1 / (1 + e^-x). */
INLINE floats logistic(floats x, const int coarse) {
    floats power = power_of_two(at_least(all(-126.0f), at_most(all(126.0f), x * -LOG2_E)), coarse);
    return reciprocal(power + 1.0f, coarse);
}

INLINE floats activated(floats x, const int activation, const int coarse) {
    if (activation == GELU) return x * normal_share(x, coarse);
    if (activation == SILU) return x * logistic(x, coarse);
    return x;
}

#endif
