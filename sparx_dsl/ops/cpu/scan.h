/* The selective scan along one dimension; `image` stands for one group of channels of one sample. */
#ifndef SPARX_SCAN_H
#define SPARX_SCAN_H

#include "arguments.h"
#include "share.h"
#include "walk_backward.h"

/* A thread's memory; in the backward pass y is the derivative of the result. */
typedef struct {
    float *u, *z, *y, *du, *dz;  /* tiles */
    float *values, *d_values;
    float *rate, *fast, *state, *workspace;
    float *d_channels;           /* derivatives of this thread's rate, bias and skip, channel by channel */
    float *all;
} Lines;

static size_t scan_numbers(const Scan *a) {
    return a->states + 2;
}

static int reserve_lines(Lines *m, const Scan *a, int backward) {
    size_t tile = (size_t)a->length * LANES, values = ((size_t)a->length * 2 * a->states + LANES + 15) / 16 * 16;
    size_t channels = backward ? (a->channels * scan_numbers(a) + 15) / 16 * 16 : 0;
    size_t work = backward ? workspace_floats(a->length, a->states, 0) : 0;
    float *next = m->all =
        reserve((backward ? 5 : 3) * tile + (backward ? 2 : 1) * values + 3 * LANES * a->states + channels + work);
    if (!next) return 0;
    m->u = next, next += tile;
    m->z = next, next += tile;
    m->y = next, next += tile;
    m->du = next, next += backward ? tile : 0;
    m->dz = next, next += backward ? tile : 0;
    m->values = next, next += values;
    m->d_values = next, next += backward ? values : 0;
    m->rate = next, next += LANES * a->states;
    m->fast = next, next += LANES * a->states;
    m->state = next, next += LANES * a->states;
    m->d_channels = next, next += channels;
    m->workspace = next;
    if (channels) memset(m->d_channels, 0, channels * sizeof(float));
    return 1;
}

/* B and C of one group of a sample, (states, length) each, as rows of positions. */
static void read_lines(const Scan *a, long image, Lines *m) {
    for (long n = 0; n < a->states; n++) {
        size_t from = ((size_t)image * a->states + n) * a->length;
        for (long position = 0; position < a->length; position++) {
            m->values[position * 2 * a->states + n] = element(a->into, a->kind, from + position);
            m->values[(position * 2 + 1) * a->states + n] = element(a->out, a->kind, from + position);
        }
    }
}

static void read_line(const Scan *a, const void *tensor, long sample, long channel, long count, float *tile) {
    for (long position = 0; position < a->length; position++) {
        size_t index = ((size_t)sample * a->length + position) * a->channels + channel;
        store(tile + position * LANES, channels_at(tensor, a->kind, index, count));
    }
}

static void write_line(const Scan *a, void *tensor, long sample, long channel, long count, const float *tile) {
    for (long position = 0; position < a->length; position++) {
        size_t index = ((size_t)sample * a->length + position) * a->channels + channel;
        put_channels(tensor, a->kind, index, count, load(tile + position * LANES));
    }
}

static Channels scan_channels(const Scan *a, Lines *m, long channel, long count) {
    Channels c = {.rank = 0, .states = a->states, .softplus = (int)a->softplus};
    memset(m->rate, 0, sizeof(float) * LANES * a->states);
    for (long lane = 0; lane < count; lane++)
        for (long n = 0; n < a->states; n++)
            m->rate[n * LANES + lane] = a->rate[(channel + lane) * a->states + n];
    c.bias = channels_at(a->bias, FLOAT32, channel, count);
    c.skip = channels_at(a->skip, FLOAT32, channel, count);
    c.rate = (floats *)m->rate;
    return c;
}

/* The first of LANES channels and how many of them there are: block by block, none of them across two groups. */
static long block_of(const Scan *a, long group, long block, long *count) {
    long share = a->channels / a->groups, rest = share - block * LANES;
    *count = rest < LANES ? rest : LANES;
    return group * share + block * LANES;
}

static void line_forward(const Scan *a, Lines *m, long image, long block) {
    long count, sample = image / a->groups, channel = block_of(a, image % a->groups, block, &count);
    read_line(a, a->u, sample, channel, count, m->u);
    read_line(a, a->delta, sample, channel, count, m->z);
    memset(m->y, 0, sizeof(float) * a->length * LANES);
    Channels c = scan_channels(a, m, channel, count);
    Sequence s = {.length = a->length, .row = 2 * a->states, .step = LANES, .values = m->values, .u = m->u, .z = m->z};
    floats *fast = (floats *)m->fast, *h = (floats *)m->state;
    for (long n = 0; n < a->states; n++) fast[n] = c.rate[n] * LOG2_E, h[n] = all(0.0f);
    walk(&c, &s, 0, a->length, fast, h, m->y);
    write_line(a, a->y, sample, channel, count, m->y);
}

/* All of the scan; nonzero where there was no memory. */
int NAMED(scan_forward)(const Scan *a) {
    long blocks = (a->channels / a->groups + LANES - 1) / LANES, failed = 0;
#pragma omp parallel num_threads(a->threads) reduction(| : failed)
    {
        Lines m;
        Range mine = share_of(a->batch * a->groups * blocks, omp_get_thread_num(), omp_get_num_threads());
        if (mine.first < mine.last && !reserve_lines(&m, a, 0)) failed = 1;
        else if (mine.first < mine.last) {
            for (long unit = mine.first, image = -1; unit < mine.last; unit++) {
                if (unit / blocks != image) read_lines(a, image = unit / blocks, &m);
                line_forward(a, &m, image, unit % blocks);
            }
            free(m.all);
        }
    }
    return (int)failed;
}

#endif
