/* Attention of channels to channels within groups, over all positions of a map (GCCA of SparX, section 3.1).
 *
 * The weights of a group lie with the query's channels as lanes, so that a softmax over the keys is one over rows. Then
 * a few positions at a time get their results. Where the map itself is given too, a position's row is that map's
 * channels, the results and the values, each third of it written with every third of these, so that groups mix them.
 */
#ifndef SPARX_CHANNEL_ATTENTION_H
#define SPARX_CHANNEL_ATTENTION_H

#include "arguments.h"
#include "share.h"
#include "tile.h"

/* As many positions are added to scores at a time as stay in the cache next to the core. */
#define ADDED 64
/* As many rows of weights, or positions, are worked on together as there are registers for their sums. */
#define ROWS 8

/* A group has `width` channels: filled up to `wide` as lanes, to `rows` as rows. Weights are (groups, rows, wide), and
 * the factors that make their sums one (groups, wide). */
typedef struct {
    const ChannelAttention *a;
    long width, wide, rows, image;
    float *weights, *factors;
    float *query, *key, *value, *row;
} Channelwise;

INLINE long filled_to(long count, long step) {
    return (count + step - 1) / step * step;
}

/* `count` channels of a position from `channel` on, as floats, and zeros up to `room`. */
INLINE void take_channels(const ChannelAttention *a, const void *map, size_t position, long channel, long count,
                          long room, float *to) {
    read_row(map, a->kind, position * a->channels + channel, count, to);
    memset(to + count, 0, (room - count) * sizeof(float));
}

/* Adds to a group's scores what `count` positions have for them. */
static void add_scores(const Channelwise *c, float *scores, long count) {
    for (long key = 0; key < c->rows; key += ROWS)
        for (long lane = 0; lane < c->wide; lane += LANES) {
            floats sum[ROWS];
            UNROLLED for (int r = 0; r < ROWS; r++) sum[r] = load(scores + (key + r) * c->wide + lane);
            for (long position = 0; position < count; position++) {
                floats query = load(c->query + position * c->wide + lane);
                const float *keys = c->key + position * c->rows + key;
                UNROLLED for (int r = 0; r < ROWS; r++) sum[r] += query * keys[r];
            }
            UNROLLED for (int r = 0; r < ROWS; r++) store(scores + (key + r) * c->wide + lane, sum[r]);
        }
}

/* Turns a group's scores into weights, which the factors are yet to make a softmax of. */
INLINE void soften(const Channelwise *c, float *scores, float *factors, const int coarse) {
    float scale = LOG2_E / __builtin_sqrtf((float)c->a->reduced);
    for (long lane = 0; lane < c->wide; lane += LANES) {
        floats most = load(scores + lane), sum = all(0.0f);
        for (long key = 1; key < c->width; key++) most = at_least(most, load(scores + key * c->wide + lane));
        for (long key = 0; key < c->width; key++) {
            float *at = scores + key * c->wide + lane;
            floats weight = power_of_two(at_least(all(-126.0f), (load(at) - most) * scale), coarse);
            sum += weight;
            store(at, weight);
        }
        store(factors + lane, 1.0f / sum);
    }
}

/* The weights of one group of the image. */
static void weigh_group(const Channelwise *c, long group) {
    const ChannelAttention *a = c->a;
    float *scores = c->weights + group * c->rows * c->wide;
    size_t first = (size_t)c->image * a->reduced;
    long channel = group * c->width;
    memset(scores, 0, c->rows * c->wide * sizeof(float));
    for (long done = 0; done < a->reduced; done += ADDED) {
        long count = a->reduced - done < ADDED ? a->reduced - done : ADDED;
        for (long i = 0; i < count; i++) {
            take_channels(a, a->query, first + done + i, channel, c->width, c->wide, c->query + i * c->wide);
            take_channels(a, a->key, first + done + i, channel, c->width, c->rows, c->key + i * c->rows);
        }
        add_scores(c, scores, count);
    }
    if (a->kind == FLOAT32) soften(c, scores, c->factors + group * c->wide, 0);
    else soften(c, scores, c->factors + group * c->wide, 1);
}

/* What one group's channels get at ROWS positions, of which there are `count`: to rows of `stride` elements at `to`. */
INLINE void give_group(const Channelwise *c, long group, long count, void *to, size_t index, long stride,
                       const int kind) {
    const float *values = c->value + group * c->width;
    for (long lane = 0; lane < c->wide; lane += LANES) {
        const float *weights = c->weights + group * c->rows * c->wide + lane;
        floats sum[ROWS] = {{0}}, factor = load(c->factors + group * c->wide + lane);
        for (long key = 0; key < c->width; key++) {
            floats weight = load(weights + key * c->wide);
            UNROLLED for (int r = 0; r < ROWS; r++) sum[r] += weight * values[r * c->a->channels + key];
        }
        long rest = c->width - lane < LANES ? c->width - lane : LANES;
        UNROLLED for (int r = 0; r < ROWS; r++)
            if (r < count) put_channels(to, kind, index + r * stride + lane, rest, sum[r] * factor);
    }
}

/* Every third element of a row, from each of the first three on. */
#define DEAL(type)                                                  \
    do {                                                            \
        const type *from = (const type *)row;                       \
        type *first = (type *)to, *second = first + count, *third = second + count; \
        for (long i = 0; i < count; i++) first[i] = from[3 * i], second[i] = from[3 * i + 1], third[i] = from[3 * i + 2]; \
    } while (0)

static void deal_floats(const void *restrict row, void *restrict to, long count) {
    DEAL(float);
}

static void deal_halves(const void *restrict row, void *restrict to, long count) {
    DEAL(uint16_t);
}

/* ROWS positions from `first` on, of which there are `count`. */
INLINE void give_positions_of(const Channelwise *c, long first, long count, const int kind) {
    const ChannelAttention *a = c->a;
    size_t size = kind == FLOAT32 ? 4 : 2, bytes = size * a->channels;
    size_t place = ((size_t)c->image * a->positions + first) * a->channels;
    for (long r = 0; r < count; r++) read_row(a->value, kind, place + r * a->channels, a->channels, c->value + r * a->channels);
    for (long group = 0; group < a->groups; group++) {
        if (a->own) give_group(c, group, count, c->row, a->channels + group * c->width, 3 * a->channels, kind);
        else give_group(c, group, count, a->y, place + group * c->width, a->channels, kind);
    }
    for (long r = 0; a->own && r < count; r++, place += a->channels) {
        char *row = (char *)c->row + 3 * bytes * r, *to = (char *)a->y + 3 * size * place;
        memcpy(row, (const char *)a->own + size * place, bytes);
        memcpy(row + 2 * bytes, (const char *)a->value + size * place, bytes);
        if (kind == FLOAT32) deal_floats(row, to, a->channels);
        else deal_halves(row, to, a->channels);
    }
}

static void give_some(const Channelwise *c, Range positions) {
    for (long first = positions.first; first < positions.last; first += ROWS) {
        long count = positions.last - first < ROWS ? positions.last - first : ROWS;
        if (c->a->kind == FLOAT32) give_positions_of(c, first, count, FLOAT32);
        else give_positions_of(c, first, count, BFLOAT16);
    }
}

/* The whole attention; nonzero where there was no memory. Threads take images each, or parts of one after another. */
int NAMED(channel_attention)(const ChannelAttention *a) {
    long width = a->channels / a->groups, wide = filled_to(width, LANES), rows = filled_to(width, ROWS), failed = 0;
    int alone = image_by_image(a->batch, a->threads);
    size_t weights = (size_t)a->groups * rows * wide, factors = filled_to(a->groups * wide, 16);
    float *shared = alone ? NULL : reserve(weights + factors);
#pragma omp parallel num_threads(alone || shared ? a->threads : 1) reduction(| : failed)
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        size_t own = alone ? weights + factors : 0, chunk = ADDED * (size_t)(wide + filled_to(rows, 16));
        float *memory = reserve(own + chunk + ROWS * (size_t)filled_to(a->channels, 16) * 4);
        float *begin = alone ? memory : shared, *scratch = memory + own;
        failed = !memory || !begin;
        Range images = alone ? share_of(a->batch, thread, threads) : (Range){0, a->batch};
        Range groups = alone ? (Range){0, a->groups} : share_of(a->groups, thread, threads);
        Range positions = alone ? (Range){0, a->positions} : share_of(a->positions, thread, threads);
        Channelwise c = {a, width, wide, rows, 0, begin, begin + weights, scratch, scratch + ADDED * wide,
                         scratch + chunk, scratch + chunk + ROWS * a->channels};
        if (!failed) memset(c.value, 0, ROWS * a->channels * sizeof(float));
        for (c.image = images.first; c.image < images.last; c.image++) {
            for (long group = groups.first; !failed && group < groups.last; group++) weigh_group(&c, group);
            if (!alone) {
#pragma omp barrier
            }
            if (!failed) give_some(&c, positions);
            if (!alone) {
                /* No thread may go on to its next weights while another still reads these. */
#pragma omp barrier
            }
        }
        free(memory);
    }
    free(shared);
    return (int)failed;
}

#endif
