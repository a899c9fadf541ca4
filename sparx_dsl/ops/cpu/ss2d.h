/* SS2D: four walks over a map, by rows, by columns, and both backwards, summed at every position.
 *
 * Each thread takes LANES channels of an image at a time, with a tile in the order of rows and one in that of
 * columns; neither the four sequences nor the time steps of all channels ever exist.
 */
#ifndef SPARX_SS2D_H
#define SPARX_SS2D_H

#include "arguments.h"
#include "share.h"
#include "walk_backward.h"

enum { DIRECTIONS = 4 };

/* A thread's memory. Of each pair, the first is in the order of rows, the second in that of columns. */
typedef struct {
    float *x[2], *y[2], *dx[2];  /* tiles; y is the derivative of the result in the backward pass */
    float *values[2], *d_values[2];
    uint32_t *pairs[2];          /* time values two at a time, where they are bfloat16 and this machine takes them so */
    words *pair_weight;
    float *weight, *rate, *fast, *state, *workspace;
    float *d_channels;           /* derivatives of this thread's (4, channels) of weight, rate, bias and skip */
    float *all;
} Scratch;

static long values_width(const SS2D *a) {
    return a->rank + 2 * a->states;
}

static size_t channel_numbers(const SS2D *a) {
    return a->rank + a->states + 2;
}

/* The pairs of time values of one position and direction, where products of pairs are as exact as others: with
 * weights that bfloat16 holds. Weights of float32 keep all their digits. */
static long pairs_of(const SS2D *a) {
    if (!PAIRED || a->kind != BFLOAT16) return 0;
    uint32_t lost = 0;
    for (long i = 0; i < DIRECTIONS * a->rank * a->channels; i++) {
        uint32_t bits;
        memcpy(&bits, a->weight + i, 4);
        lost |= bits & 0xffff;
    }
    return lost ? 0 : (a->rank + 1) / 2;
}

static int reserve_scratch(Scratch *m, const SS2D *a, int backward, long pairs_together) {
    size_t length = a->height * a->width, tile = length * LANES;
    size_t values = 2 * length * values_width(a) + filled(a->rank) + LANES;
    values = (values + 15) / 16 * 16;
    size_t small = LANES * (size_t)(a->rank + 3 * a->states);
    size_t channels = backward ? (DIRECTIONS * a->channels * channel_numbers(a) + 15) / 16 * 16 : 0;
    size_t pairs = (2 * length * pairs_together + 15) / 16 * 16, pair_weight = LANES * pairs_together;
    size_t work = backward ? workspace_floats(length, a->states, a->rank) : 0;
    float *next = m->all = reserve((backward ? 6 : 4) * tile + (backward ? 4 : 2) * values + small + channels +
                                   2 * pairs + pair_weight + work);
    if (!next) return 0;
    for (int side = 0; side < 2; side++) {
        m->x[side] = next, next += tile;
        m->y[side] = next, next += tile;
        m->dx[side] = next, next += backward ? tile : 0;
        m->values[side] = next, next += values;
        m->d_values[side] = next, next += backward ? values : 0;
        m->pairs[side] = pairs ? (uint32_t *)next : NULL, next += pairs;
    }
    m->pair_weight = (words *)next, next += pair_weight;
    m->weight = next, next += LANES * a->rank;
    m->rate = next, next += LANES * a->states;
    m->fast = next, next += LANES * a->states;
    m->state = next, next += LANES * a->states;
    m->d_channels = next, next += channels;
    m->workspace = next;
    if (channels) memset(m->d_channels, 0, channels * sizeof(float));
    return 1;
}

/* The values of an image for the two directions of each order: rows and rows backwards, columns and those. */
static void read_values(const SS2D *a, long image, Scratch *m) {
    long width = values_width(a), length = a->height * a->width;
    for (long position = 0; position < length; position++) {
        long places[2] = {position, position % a->width * a->height + position / a->width};
        size_t from = ((size_t)image * length + position) * DIRECTIONS * width;
        for (int k = 0; k < DIRECTIONS; k++) {
            float *to = m->values[k % 2] + (places[k % 2] * 2 + k / 2) * width;
            read_row(a->projected, a->kind, from + k * width, width, to);
            long pairs = (a->rank + 1) / 2;
            if (!m->pairs[k % 2]) continue;
            uint32_t *pair = m->pairs[k % 2] + (places[k % 2] * 2 + k / 2) * pairs;
            pair[pairs - 1] = 0;
            memcpy(pair, (const uint16_t *)a->projected + from + k * width, 2 * a->rank);
        }
    }
}

/* LANES channels of a map as two tiles. */
static void read_tiles(const SS2D *a, const void *map, long image, long channel, long count, float *const tiles[2]) {
    long position = 0;
    for (long row = 0; row < a->height; row++)
        for (long column = 0; column < a->width; column++, position++) {
            size_t index = ((size_t)image * a->height * a->width + position) * a->channels + channel;
            floats value = channels_at(map, a->kind, index, count);
            store(tiles[0] + position * LANES, value);
            store(tiles[1] + (column * a->height + row) * LANES, value);
        }
}

/* The sum of two tiles as LANES channels of a map. */
static void write_tiles(const SS2D *a, void *map, long image, long channel, long count, float *const tiles[2]) {
    long position = 0;
    for (long row = 0; row < a->height; row++)
        for (long column = 0; column < a->width; column++, position++) {
            size_t index = ((size_t)image * a->height * a->width + position) * a->channels + channel;
            floats value = load(tiles[0] + position * LANES) + load(tiles[1] + (column * a->height + row) * LANES);
            put_channels(map, a->kind, index, count, value);
        }
}

/* A direction's own numbers of LANES channels; lanes behind `count` are zero, and so is all that comes of them. */
static Channels read_channels(const SS2D *a, Scratch *m, int k, long channel, long count) {
    size_t first = (size_t)k * a->channels + channel;
    Channels c = {.rank = a->rank, .states = a->states, .softplus = 1, .coarse = a->kind == BFLOAT16};
    for (long r = 0; r < a->rank; r++) {
        size_t row = ((size_t)k * a->rank + r) * a->channels;
        store(m->weight + r * LANES, channels_at(a->weight, FLOAT32, row + channel, count));
    }
    for (long n = 0; n < a->states; n++) {
        size_t row = ((size_t)k * a->states + n) * a->channels;
        store(m->rate + n * LANES, channels_at(a->rate, FLOAT32, row + channel, count));
    }
    c.bias = channels_at(a->bias, FLOAT32, first, count);
    c.skip = channels_at(a->skip, FLOAT32, first, count);
    for (long r = 0; m->pairs[0] && r < a->rank; r += 2) {
        floats second = r + 1 < a->rank ? load(m->weight + (r + 1) * LANES) : all(0.0f);
        m->pair_weight[r / 2] = paired(load(m->weight + r * LANES), second);
    }
    c.weight = (floats *)m->weight;
    c.pairs = m->pair_weight;
    c.rate = (floats *)m->rate;
    return c;
}

/* What direction k walks over. */
static Sequence sequence_of(const SS2D *a, const Scratch *m, int k) {
    long length = a->height * a->width, row = 2 * values_width(a), pairs = (a->rank + 1) / 2;
    Sequence s = {.length = length, .row = row, .step = LANES, .u = m->x[k % 2], .pair_row = 2 * pairs};
    s.values = m->values[k % 2] + (k >= 2 ? values_width(a) : 0);
    s.pairs = m->pairs[k % 2] ? m->pairs[k % 2] + (k >= 2 ? pairs : 0) : NULL;
    if (k >= 2) {
        s.values += (length - 1) * row, s.u += (length - 1) * LANES;
        if (s.pairs) s.pairs += (length - 1) * s.pair_row;
        s.row = -row, s.step = -LANES, s.pair_row = -s.pair_row;
    }
    return s;
}

static void block_forward(const SS2D *a, Scratch *m, long image, long channel) {
    long length = a->height * a->width, rest = a->channels - channel, count = rest < LANES ? rest : LANES;
    read_tiles(a, a->x, image, channel, count, m->x);
    memset(m->y[0], 0, sizeof(float) * length * LANES);
    memset(m->y[1], 0, sizeof(float) * length * LANES);
    for (int k = 0; k < DIRECTIONS; k++) {
        Channels c = read_channels(a, m, k, channel, count);
        Sequence s = sequence_of(a, m, k);
        floats *fast = (floats *)m->fast, *h = (floats *)m->state;
        for (long n = 0; n < a->states; n++) fast[n] = c.rate[n] * LOG2_E, h[n] = all(0.0f);
        walk(&c, &s, 0, length, fast, h, m->y[k % 2] + (k >= 2 ? (length - 1) * LANES : 0));
    }
    write_tiles(a, a->y, image, channel, count, m->y);
}

/* All of SS2D; nonzero where there was no memory. */
int NAMED(ss2d_forward)(const SS2D *a) {
    long blocks = (a->channels + LANES - 1) / LANES, pairs = pairs_of(a), failed = 0;
#pragma omp parallel num_threads(a->threads) reduction(| : failed)
    {
        Scratch m;
        Range mine = share_of(a->batch * blocks, omp_get_thread_num(), omp_get_num_threads());
        if (mine.first < mine.last && !reserve_scratch(&m, a, 0, pairs)) failed = 1;
        else if (mine.first < mine.last) {
            for (long unit = mine.first, image = -1; unit < mine.last; unit++) {
                if (unit / blocks != image) read_values(a, image = unit / blocks, &m);
                block_forward(a, &m, image, unit % blocks * LANES);
            }
            free(m.all);
        }
    }
    return (int)failed;
}

#endif
