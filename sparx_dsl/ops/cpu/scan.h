/* The selective scan along one dimension; `image` stands for one group of channels of one sample. */
#ifndef SPARX_SCAN_H
#define SPARX_SCAN_H

#include "arguments.h"
#include "share.h"
#include "walk_backward.h"

/* How many blocks of channels the scan walks side by side, and how many positions of one before those of the next. */
#define BESIDE 8
#define PIECE 64

/* A thread's memory; in the backward pass y is the derivative of the result. */
typedef struct {
    float *u, *z, *y, *du, *dz;  /* tiles */
    float *values, *d_values;
    float *rate, *state, *workspace;
    float *d_channels;           /* derivatives of this thread's rate, bias and skip, channel by channel */
    float *all;
} Lines;

static size_t scan_numbers(const Scan *a) {
    return a->states + 2;
}

static int reserve_lines(Lines *m, const Scan *a, int backward) {
    size_t tile = (size_t)(backward ? a->length : PIECE) * LANES, values = ((size_t)a->length * 2 * a->states + LANES + 15) / 16 * 16;
    size_t channels = backward ? (a->channels * scan_numbers(a) + 15) / 16 * 16 : 0;
    size_t work = backward ? workspace_floats(a->length, a->states, 0) : 0;
    float *next = m->all =
        reserve((backward ? 5 : 3) * tile + (backward ? 2 : 1) * values + 2 * BESIDE * LANES * a->states + channels + work);
    if (!next) return 0;
    m->u = next, next += tile;
    m->z = next, next += tile;
    m->y = next, next += tile;
    m->du = next, next += backward ? tile : 0;
    m->dz = next, next += backward ? tile : 0;
    m->values = next, next += values;
    m->d_values = next, next += backward ? values : 0;
    m->rate = next, next += BESIDE * LANES * a->states;
    m->state = next, next += BESIDE * LANES * a->states;
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

/* A tile of some positions of `count` channels. Rows of channels lie so far from one another that the processor does not see
 * which comes next: those of the next piece are asked for ahead of time, and beyond the end that does nothing.
 */
static void read_tile(const Scan *a, const Strided *tensor, long sample, Range positions, long channel, long count,
                      float *tile) {
    long length = positions.last - positions.first, size = a->kind == FLOAT32 ? 4 : 2;
    size_t index = (size_t)sample * tensor->sample + positions.first * tensor->position + channel * tensor->channel;
    if (tensor->channel != 1) {
        tile_of_rows(tensor->data, a->kind, index, tensor->channel, length, count, tile);
        return;
    }
    const char *ahead = (const char *)tensor->data + (index + PIECE * tensor->position) * size;
    for (long i = 0; i < length; i++, index += tensor->position, ahead += tensor->position * size) {
        __builtin_prefetch(ahead);
        store(tile + i * LANES, channels_at(tensor->data, a->kind, index, count));
    }
}

static void write_tile(const Scan *a, void *tensor, long sample, Range positions, long channel, long count,
                       const float *tile) {
    size_t index = ((size_t)sample * a->length + positions.first) * a->channels + channel;
    for (long i = 0; i < positions.last - positions.first; i++, index += a->channels)
        put_channels(tensor, a->kind, index, count, load(tile + i * LANES));
}

static Channels scan_channels(const Scan *a, floats *rate, long channel, long count) {
    Channels c = {.rank = 0, .states = a->states, .softplus = (int)a->softplus};
    memset(rate, 0, sizeof(floats) * a->states);
    for (long lane = 0; lane < count; lane++)
        for (long n = 0; n < a->states; n++)
            rate[n][lane] = a->rate[(channel + lane) * a->states + n];
    c.bias = channels_at(a->bias, FLOAT32, channel, count);
    c.skip = channels_at(a->skip, FLOAT32, channel, count);
    c.rate = rate;
    return c;
}

/* The first of LANES channels and how many of them there are: block by block, none of them across two groups. */
static long block_of(const Scan *a, long group, long block, long *count) {
    long share = a->channels / a->groups, rest = share - block * LANES;
    *count = rest < LANES ? rest : LANES;
    return group * share + block * LANES;
}

/* Some neighbouring blocks side by side, some positions at a time: what is read and written stays in the cache of a core, and
 * rows of channels are read in one go.
 */
static void lines_forward(const Scan *a, Lines *m, long image, Range blocks) {
    Channels c[BESIDE];
    long counts[BESIDE], channels[BESIDE], sample = image / a->groups, group = image % a->groups;
    floats *rate = (floats *)m->rate, *h = (floats *)m->state;
    for (long b = 0; b < blocks.last - blocks.first; b++) {
        channels[b] = block_of(a, group, blocks.first + b, counts + b);
        c[b] = scan_channels(a, rate + b * a->states, channels[b], counts[b]);
        for (long n = 0; n < a->states; n++) rate[b * a->states + n] *= LOG2_E, h[b * a->states + n] = all(0.0f);
    }
    for (long first = 0; first < a->length; first += PIECE) {
        Range piece = {first, first + PIECE < a->length ? first + PIECE : a->length};
        Sequence s = {.row = 2 * a->states, .step = LANES, .values = m->values + first * 2 * a->states, .u = m->u, .z = m->z};
        for (long b = 0; b < blocks.last - blocks.first; b++) {
            read_tile(a, &a->u, sample, piece, channels[b], counts[b], m->u);
            read_tile(a, &a->delta, sample, piece, channels[b], counts[b], m->z);
            memset(m->y, 0, sizeof(float) * (piece.last - first) * LANES);
            walk(c + b, &s, 0, piece.last - first, rate + b * a->states, h + b * a->states, m->y);
            write_tile(a, a->y, sample, piece, channels[b], counts[b], m->y);
        }
    }
}

/* All of the scan; nonzero where there was no memory. */
int NAMED(scan_forward)(const Scan *a) {
    long blocks = (a->channels / a->groups + LANES - 1) / LANES, images = a->batch * a->groups, failed = 0;
    long beside = BESIDE;
    while (beside > 1 && images * ((blocks + beside - 1) / beside) < 2 * a->threads) beside /= 2;
    long units = (blocks + beside - 1) / beside;
#pragma omp parallel num_threads(a->threads) reduction(| : failed)
    {
        Lines m;
        Range mine = share_of(images * units, omp_get_thread_num(), omp_get_num_threads());
        if (mine.first < mine.last && !reserve_lines(&m, a, 0)) failed = 1;
        else if (mine.first < mine.last) {
            for (long unit = mine.first, image = -1; unit < mine.last; unit++) {
                if (unit / units != image) read_lines(a, image = unit / units, &m);
                long first = unit % units * beside, last = first + beside < blocks ? first + beside : blocks;
                lines_forward(a, &m, image, (Range){first, last});
            }
            free(m.all);
        }
    }
    return (int)failed;
}

#endif
