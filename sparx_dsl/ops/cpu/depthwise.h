/* A depthwise convolution over maps, of stride 1 and a size that stays, and the activation after it.
 *
 * A thread takes some neighbouring blocks of LANES channels through rows of a map: every row that is read goes into a
 * ring of `kernel` lines, as float32 and with zeros at both ends, which stays in the cache next to the core.
 */
#ifndef SPARX_DEPTHWISE_H
#define SPARX_DEPTHWISE_H

#include "activation.h"
#include "arguments.h"
#include "share.h"
#include "tile.h"

/* As many columns as are summed together, so that a weight is read once for all of them: 7 where less is left over. */
#define COLUMNS 8
#define FEWER_COLUMNS 7
/* The floats that a thread's ring may have; blocks are worked on together for as long as it has room. */
#define RING 12288
#define LARGEST_KERNEL 7
/* What a thread works on: `blocks` of channels of an image from `channel` on, of which the last has `rest` channels. */
typedef struct {
    const Depthwise *a;
    float *ring;
    long line, columns, blocks, image, channel, rest;
} Strip;

/* Where the first block's line of a row begins; those of other blocks lie `kernel` lines apart. */
INLINE float *line_of(const Strip *s, long row) {
    return s->ring + (row + s->a->kernel) % s->a->kernel * s->line;
}

INLINE size_t place_of(const Strip *s, long block, long row) {
    size_t rows = (size_t)s->image * s->a->height + row;
    return rows * s->a->width * s->a->channels + s->channel + block * LANES;
}

/* Asks for what lies a row below, of both maps. */
INLINE void ask_for(const Depthwise *a, size_t first, size_t last) {
    for (size_t byte = first; byte < last; byte += 64) {
        __builtin_prefetch((const char *)a->x + byte, 0);
        if (a->y != a->x) __builtin_prefetch((const char *)a->y + byte, 1);
    }
}

/* Takes a row into the ring. */
INLINE void take_row_of(const Strip *s, long row, const int kind) {
    const Depthwise *a = s->a;
    size_t size = kind == FLOAT32 ? 4 : 2, place = place_of(s, 0, row), below = a->width * a->channels;
    long apart = a->kernel * s->line, whole = s->rest == LANES ? s->blocks : s->blocks - 1;
    float *to = line_of(s, row) + a->kernel / 2 * LANES;
    for (long column = 0; column < a->width; column++, place += a->channels, to += LANES) {
        if (row + 1 < a->height) ask_for(a, (place + below) * size, (place + below + s->blocks * LANES) * size);
        for (long block = 0; block < whole; block++)
            store(to + block * apart, channels_at(a->x, kind, place + block * LANES, LANES));
        if (whole < s->blocks) store(to + whole * apart, channels_at(a->x, kind, place + whole * LANES, s->rest));
    }
}

static void take_row(const Strip *s, long row) {
    if (s->a->kind == FLOAT32) take_row_of(s, row, FLOAT32);
    else take_row_of(s, row, BFLOAT16);
}

/* Adds to the sums of some columns what one line of the ring has for them. */
INLINE void add_line(floats *sum, const float *line, const float *weight, long stride, const int kernel,
                     const int columns) {
    UNROLLED for (int x = 0; x < kernel; x++) {
        floats factor = load(weight + x * stride);
        UNROLLED for (int j = 0; j < columns; j++) sum[j] += factor * load(line + (j + x) * LANES);
    }
}

/* A row of a block of the result, from the lines of the ring. */
INLINE void give_row_of(const Strip *s, long block, long row, const int kernel, const int kind, const int activation,
                        const int columns) {
    const Depthwise *a = s->a;
    long stride = (a->channels + CHANNELS_TOGETHER - 1) / CHANNELS_TOGETHER * CHANNELS_TOGETHER, reach = kernel / 2;
    long first = row < reach ? reach - row : 0, last = row + reach < a->height ? kernel : a->height - row + reach;
    long count = block + 1 < s->blocks ? LANES : s->rest;
    const float *weight = a->weight + s->channel + block * LANES, *lines[LARGEST_KERNEL];
    for (long y = first; y < last; y++) lines[y] = line_of(s, row + y - reach) + block * kernel * s->line;
    floats bias = load(a->bias + s->channel + block * LANES);
    size_t place = place_of(s, block, row);
    for (long column = 0; column < a->width; column += columns, place += columns * a->channels) {
        floats sum[COLUMNS];
        UNROLLED for (int j = 0; j < columns; j++) sum[j] = bias;
        for (long y = first; y < last; y++)
            add_line(sum, lines[y] + column * LANES, weight + y * kernel * stride, stride, kernel, columns);
        UNROLLED for (int j = 0; j < columns; j++) sum[j] = activated(sum[j], activation, kind == BFLOAT16);
        long valid = a->width - column;
        if (valid >= columns && count == LANES) {
            UNROLLED for (int j = 0; j < columns; j++)
                put_channels(a->y, kind, place + j * a->channels, LANES, sum[j]);
        } else {
            for (long j = 0; j < columns && j < valid; j++)
                put_channels(a->y, kind, place + j * a->channels, count, sum[j]);
        }
    }
}

#define GIVE(size, kind, activation)                                                                           \
    case (size * 2 + kind) * 3 + activation:                                                                    \
        if (s->columns == COLUMNS) give_row_of(s, block, row, size, kind, activation, COLUMNS);                 \
        else give_row_of(s, block, row, size, kind, activation, FEWER_COLUMNS);                                 \
        break;
#define GIVE_ALL(size) \
    GIVE(size, 0, 0) GIVE(size, 0, 1) GIVE(size, 0, 2) GIVE(size, 1, 0) GIVE(size, 1, 1) GIVE(size, 1, 2)

static void give_row(const Strip *s, long block, long row) {
    switch ((s->a->kernel * 2 + s->a->kind) * 3 + s->a->activation) { GIVE_ALL(3) GIVE_ALL(5) GIVE_ALL(7) }
}

/* The rows `first` … `last` − 1 of a strip. */
static void convolve(const Strip *s, long first, long last) {
    long reach = s->a->kernel / 2;
    for (long row = first - reach; row < last + reach; row++) {
        if (row >= 0 && row < s->a->height) take_row(s, row);
        for (long block = 0; row - reach >= first && block < s->blocks; block++) give_row(s, block, row - reach);
    }
}

/* The blocks that are worked on together, and the parts that rows are cut into, for threads to have enough to share. */
static long blocks_together(const Depthwise *a, long line) {
    long together = RING / (a->kernel * line);
    return together < 1 ? 1 : together > 4 ? 4 : together;
}

static long parts_of_rows(const Depthwise *a, long groups) {
    long parts = 1;
    /* Written over what it reads, a map can't be cut: the next part still reads some of these rows. */
    while (a->y != a->x && a->batch * groups * parts < 4 * a->threads && 4 * parts < a->height) parts++;
    return parts;
}

/* The width, filled up to what whole runs of so many columns write. */
static long filled_width(long width, long columns) {
    return (width + columns - 1) / columns * columns;
}

/* The whole convolution; nonzero where there was no memory. */
int NAMED(depthwise)(const Depthwise *a) {
    int fewer = filled_width(a->width, FEWER_COLUMNS) < filled_width(a->width, COLUMNS);
    long columns = fewer ? FEWER_COLUMNS : COLUMNS, failed = 0;
    long line = (filled_width(a->width, columns) + a->kernel - 1) * LANES;
    long blocks = (a->channels + LANES - 1) / LANES, together = blocks_together(a, line);
    long groups = (blocks + together - 1) / together, parts = parts_of_rows(a, groups);
#pragma omp parallel num_threads(a->threads) reduction(| : failed)
    {
        Range mine = share_of(a->batch * parts * groups, omp_get_thread_num(), omp_get_num_threads());
        size_t size = (size_t)a->kernel * line * together;
        float *ring = mine.first < mine.last ? reserve(size) : NULL;
        if (ring) memset(ring, 0, size * sizeof(float));
        else failed = mine.first < mine.last;
        for (long unit = mine.first; ring && unit < mine.last; unit++) {
            Range rows = share_of(a->height, unit / groups % parts, parts);
            Range own = share_of(blocks, unit % groups, groups);
            long channel = own.first * LANES, rest = a->channels - (own.last - 1) * LANES;
            rest = rest < LANES ? rest : LANES;
            Strip s = {a, ring, line, columns, own.last - own.first, unit / groups / parts, channel, rest};
            convolve(&s, rows.first, rows.last);
        }
        free(ring);
    }
    return (int)failed;
}

#endif
