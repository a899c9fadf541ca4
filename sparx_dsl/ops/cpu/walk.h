/* One walk: the recurrence of LANES channels along one sequence, and its derivative.
 *
 *     h <- exp(delta A) h + delta u B,    y += C h + D u,    delta = softplus(z)
 *
 * where z = bias + W · time values of the position, or a tile of its own. The rows of `values` hold, position
 * after position, `rank` time values, `states` of B and `states` of C.
 */
#ifndef SPARX_WALK_H
#define SPARX_WALK_H

#include "tile.h"

/* As many positions as are worked on together, so that a weight is read once for all of them. */
#define TOGETHER 8

/* LANES channels' own numbers; those of `rank` and `states` are arrays of vectors. */
typedef struct {
    long rank, states;
    int softplus;
    int coarse;                  /* whether errors of 1e-4 pass: where results are rounded to bfloat16 */
    floats bias, skip;           /* the bias of z, and D */
    const floats *weight;        /* (rank): of the time values */
    const floats *rate;          /* (states): A */
    const words *pairs;          /* (pairs): weights of two time values at a time, as bfloat16 */
} Channels;

/* What the walk passes: with steps of -1 from the last position, it goes backwards. */
typedef struct {
    long length;
    long row;                    /* floats from one position's values to the next one's, negative backwards */
    long step;                   /* floats from one position of a tile to the next, negative backwards */
    const float *values;
    const float *u;
    const float *z;              /* NULL where the time values give it */
    const uint32_t *pairs;       /* the time values two at a time, as bfloat16; NULL where `values` serve */
    long pair_row;               /* from one position's pairs to the next one's, negative backwards */
} Sequence;

/* delta of `count` positions from `first` on; where `slope` is not NULL, d delta / d z too. */
INLINE void time_steps(const Channels *c, const Sequence *s, long first, long count, const int softplus,
                       const int coarse, floats *delta, floats *slope) {
    const float *values = s->values + first * s->row;
    UNROLLED for (long j = 0; j < count; j++) delta[j] = c->bias;
    if (s->z) {
        for (long j = 0; j < count; j++) delta[j] += load(s->z + (first + j) * s->step);
#if PAIRED
    } else if (coarse && s->pairs) {
        const uint32_t *pairs = s->pairs + first * s->pair_row;
        for (long r = 0; 2 * r < c->rank; r++)
            UNROLLED for (long j = 0; j < count; j++)
                delta[j] = add_products(delta[j], c->pairs[r], pairs[j * s->pair_row + r]);
#endif
    } else {
        for (long r = 0; r < c->rank; r++) {
            floats weight = c->weight[r];
            UNROLLED for (long j = 0; j < count; j++) delta[j] += weight * values[j * s->row + r];
        }
    }
    if (!softplus) {
        if (slope) for (long j = 0; j < count; j++) slope[j] = all(1.0f);
        return;
    }
    UNROLLED for (long j = 0; j < count; j++) {
        /* softplus(z) = max(z, 0) + ln(1 + e^-|z|), whose power is never above 1. */
        floats z = delta[j], power = power_of_two(at_least(all(-126.0f), size_of(z) * -LOG2_E), coarse);
        delta[j] = at_least(all(0.0f), z) + log_of_one_plus(power, coarse);
        if (slope) slope[j] = choose(z < 0.0f, power, all(1.0f)) / (power + 1.0f);
    }
}

/* Walks `count` positions from `first` on, h going along; y may be NULL where only h is wanted. */
INLINE void walk_positions(const Channels *c, const Sequence *s, long first, const long count, const long states,
                           const int softplus, const int coarse, const floats *rate, floats *h, float *y) {
    floats delta[TOGETHER];
    time_steps(c, s, first, count, softplus, coarse, delta, NULL);
    UNROLLED for (long j = 0; j < count; j++) {
        const float *into = s->values + (first + j) * s->row + c->rank, *out = into + states;
        floats u = load(s->u + (first + j) * s->step), driven = delta[j] * u, result = c->skip * u;
        for (long n = 0; n < states; n++) {
            h[n] = power_of_two(delta[j] * rate[n], coarse) * h[n] + driven * into[n];
            result += h[n] * out[n];
        }
        if (y) {
            float *at = y + (first + j) * s->step;
            store(at, load(at) + result);
        }
    }
}

INLINE void walk_with(const Channels *c, const Sequence *s, long first, long last, const long states,
                      const int softplus, const int coarse, const floats *rate, floats *h, float *y) {
    for (; first + TOGETHER <= last; first += TOGETHER)
        walk_positions(c, s, first, TOGETHER, states, softplus, coarse, rate, h, y);
    for (; first < last; first++) walk_positions(c, s, first, 1, states, softplus, coarse, rate, h, y);
}

/* Walks positions first … last − 1 and adds what comes out to y. `rate` is A · log2(e); h is (states). */
static void walk(const Channels *c, const Sequence *s, long first, long last, const floats *rate, floats *h, float *y) {
    if (c->states == 1 && c->softplus) {
        floats only[1] = {h[0]}, fast[1] = {rate[0]};
        if (c->coarse) walk_with(c, s, first, last, 1, 1, 1, fast, only, y);
        else walk_with(c, s, first, last, 1, 1, 0, fast, only, y);
        h[0] = only[0];
    } else {
        walk_with(c, s, first, last, c->states, c->softplus, 0, rate, h, y);
    }
}

#endif
