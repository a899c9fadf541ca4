/* The derivative of a walk. Nothing is kept from the walk itself: the states at the beginnings of chunks are found
 * again, then chunk after chunk from the last, the states in it. A walk whose workspace stays in a core's cache is one
 * chunk, so that its states are found once.
 */
#ifndef SPARX_WALK_BACKWARD_H
#define SPARX_WALK_BACKWARD_H

#include "walk.h"

/* Where the derivatives go; all are added to. */
typedef struct {
    float *u;                    /* tile, as the sequence's u */
    float *z;                    /* tile, or NULL: then the time values' derivatives are made of it */
    float *values;               /* rows as the sequence's; LANES floats beyond the last row may be touched */
    floats *weight, *rate;       /* (rank), (states) */
    floats *bias, *skip;
} Derivatives;

/* Memory for one walk's derivative, all of vectors; `transposed` is the weight (LANES, rank filled up with zeros). */
typedef struct {
    long chunk;
    floats *starts;              /* (chunks, states): the states before each chunk */
    floats *delta, *slope, *dz;  /* (chunk) */
    floats *h, *decay;           /* (chunk, states) */
    floats *carry, *fast;        /* (states) */
    float *transposed;
} Workspace;

INLINE long filled(long rank) {
    return (rank + LANES - 1) / LANES * LANES;
}

/* As many bytes of a workspace stay in the cache. */
#define CACHED (512 * 1024)

static long chunk_for(long length, long states) {
    if (length > 0 && sizeof(floats) * (3 + 2 * states) * length <= CACHED) return length;
    return states <= 2 ? 64 : 16;
}

static size_t workspace_floats(long length, long states, long rank) {
    long chunk = chunk_for(length, states);
    return (size_t)LANES * ((length / chunk + 1) * states + 3 * chunk + 2 * chunk * states + 2 * states + filled(rank));
}

static Workspace workspace_in(float *memory, long length, long states) {
    Workspace w;
    floats *next = (floats *)memory;
    w.chunk = chunk_for(length, states);
    w.starts = next, next += (length / w.chunk + 1) * states;
    w.delta = next, next += w.chunk;
    w.slope = next, next += w.chunk;
    w.dz = next, next += w.chunk;
    w.h = next, next += w.chunk * states;
    w.decay = next, next += w.chunk * states;
    w.carry = next, next += states;
    w.fast = next, next += states;
    w.transposed = (float *)next;
    return w;
}

/* The states and decays of a chunk, from the states before it. */
INLINE void states_again(const Channels *c, const Sequence *s, const Workspace *w, long first, long count,
                         const long states, const floats *before) {
    for (long t = 0; t < count; t += TOGETHER) {
        long together = count - t < TOGETHER ? count - t : TOGETHER;
        if (together == TOGETHER) time_steps(c, s, first + t, TOGETHER, c->softplus, 0, w->delta + t, w->slope + t);
        else time_steps(c, s, first + t, together, c->softplus, 0, w->delta + t, w->slope + t);
    }
    for (long t = 0; t < count; t++) {
        const float *into = s->values + (first + t) * s->row + c->rank;
        floats driven = w->delta[t] * load(s->u + (first + t) * s->step);
        for (long n = 0; n < states; n++) {
            floats decay = power_of_two(w->delta[t] * w->fast[n], 0);
            w->decay[t * states + n] = decay;
            w->h[t * states + n] = decay * before[n] + driven * into[n];
        }
        before = w->h + t * states;
    }
}

/* A chunk from its end: derivatives of u, B, C, A and D, and those of z into w->dz. */
INLINE void chunk_backward(const Channels *c, const Sequence *s, const Workspace *w, const Derivatives *d, long first,
                           long count, const long states, const floats *before, const float *gradient) {
    for (long t = count - 1; t >= 0; t--) {
        long position = first + t;
        const float *into = s->values + position * s->row + c->rank, *out = into + states;
        float *d_into = d->values + position * s->row + c->rank, *d_out = d_into + states;
        floats g = load(gradient + position * s->step), u = load(s->u + position * s->step), delta = w->delta[t];
        floats driven = delta * u, d_driven = all(0.0f), d_delta = all(0.0f);
        const floats *h = w->h + t * states, *decay = w->decay + t * states, *previous = t ? h - states : before;
        for (long n = 0; n < states; n++) {
            floats dh = w->carry[n] + g * out[n], through = dh * decay[n];
            floats from_decay = through * previous[n];
            d_out[n] += sum_of(g * h[n]);
            d_into[n] += sum_of(dh * driven);
            d_driven += dh * into[n];
            d_delta += from_decay * c->rate[n];
            d->rate[n] += from_decay * delta;
            w->carry[n] = through;
        }
        d_delta += d_driven * u;
        w->dz[t] = d_delta * w->slope[t];
        *d->skip += g * u;
        float *du = d->u + position * s->step;
        store(du, load(du) + d_driven * delta + g * c->skip);
    }
}

/* From the derivatives of z those of the bias, and of the tile z or of the weight and the time values. */
static void steps_backward(const Channels *c, const Sequence *s, const Workspace *w, const Derivatives *d, long first,
                           long count) {
    for (long t = 0; t < count; t++) *d->bias += w->dz[t];
    if (d->z) {
        for (long t = 0; t < count; t++) store(d->z + (first + t) * s->step, w->dz[t]);
        return;
    }
    for (long r = 0; r < c->rank; r++) {
        const float *values = s->values + first * s->row + r;
        floats even = d->weight[r], odd = all(0.0f);
        long t = 0;
        for (; t + 1 < count; t += 2) {
            even += w->dz[t] * values[t * s->row];
            odd += w->dz[t + 1] * values[(t + 1) * s->row];
        }
        if (t < count) even += w->dz[t] * values[t * s->row];
        d->weight[r] = even + odd;
    }
    long width = filled(c->rank);
    for (long t = 0; t < count; t++) {
        float dz[LANES];
        store(dz, w->dz[t]);
        for (long r = 0; r < width; r += LANES) {
            /* The lanes behind the rank add the zeros that the transposed weight is filled up with. */
            float *at = d->values + (first + t) * s->row + r;
            floats sum = load(at);
            for (long lane = 0; lane < LANES; lane++) sum += dz[lane] * load(w->transposed + lane * width + r);
            store(at, sum);
        }
    }
}

/* Adds all derivatives of a walk whose result has the derivative `gradient`, a tile. `fast` is A · log2(e). */
static void walk_backward(const Channels *c, const Sequence *s, const float *gradient, const Workspace *w,
                          const Derivatives *d) {
    long states = c->states, chunks = (s->length + w->chunk - 1) / w->chunk, width = filled(c->rank);
    for (long n = 0; n < states; n++) {
        w->fast[n] = c->rate[n] * LOG2_E;
        w->starts[n] = w->carry[n] = all(0.0f);
    }
    memset(w->transposed, 0, sizeof(float) * LANES * width);
    for (long r = 0; r < c->rank; r++)
        for (long lane = 0; lane < LANES; lane++) w->transposed[lane * width + r] = c->weight[r][lane];
    for (long chunk = 0; chunk + 1 < chunks; chunk++) {
        floats *h = w->starts + (chunk + 1) * states;
        memcpy(h, h - states, sizeof(floats) * states);
        walk(c, s, chunk * w->chunk, (chunk + 1) * w->chunk, w->fast, h, NULL);
    }
    for (long chunk = chunks - 1; chunk >= 0; chunk--) {
        long first = chunk * w->chunk, rest = s->length - first, count = rest < w->chunk ? rest : w->chunk;
        const floats *before = w->starts + chunk * states;
        if (states == 1) {
            states_again(c, s, w, first, count, 1, before);
            chunk_backward(c, s, w, d, first, count, 1, before, gradient);
        } else {
            states_again(c, s, w, first, count, states, before);
            chunk_backward(c, s, w, d, first, count, states, before, gradient);
        }
        steps_backward(c, s, w, d, first, count);
    }
}

#endif
