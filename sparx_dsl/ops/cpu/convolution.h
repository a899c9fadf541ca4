/* A convolution without groups over channels-last maps, of any stride, as products over its windows, and the activation
 * after it. A convolution of 1 × 1 is a product over the channels of each position.
 *
 * A thread takes some positions of the result, whose windows lie in the cache, and multiplies ROWS of them at a time by a
 * panel of the weight: the sums of these rows and of the panel's channels fill the registers. Windows of 1 × 1 in float32
 * are read where they are; others are first copied side by side, as float32.
 */
#ifndef SPARX_CONVOLUTION_H
#define SPARX_CONVOLUTION_H

#include "activation.h"
#include "arguments.h"
#include "share.h"
#include "tile.h"

/* The vectors of a panel of the weight, and the rows whose sums are kept in twelve registers. */
#define VECTORS (OUT_TOGETHER / LANES)
#define ROWS (12 / VECTORS)
/* The floats of the windows that a thread works on together. */
#define HELD 49152

/* What a thread works on: windows of `length` values, `stride` apart, which lie from `values` on. */
typedef struct {
    const Convolution *a;
    const float *values;
    long length, stride;
} Windows;

/* What some rows and a panel of the weight multiply to. */
INLINE void multiply_rows(const Windows *w, const float *values, const float *weight, floats *result, const int rows) {
    floats sum[rows * VECTORS];
    UNROLLED for (int i = 0; i < rows * VECTORS; i++) sum[i] = all(0);
    for (long k = 0; k < w->length; k++, weight += OUT_TOGETHER) {
        floats factor[VECTORS];
        UNROLLED for (int v = 0; v < VECTORS; v++) factor[v] = load(weight + v * LANES);
        UNROLLED for (int i = 0; i < rows; i++) {
            floats value = all(values[i * w->stride + k]);
            UNROLLED for (int v = 0; v < VECTORS; v++) sum[i * VECTORS + v] += value * factor[v];
        }
    }
    UNROLLED for (int i = 0; i < rows * VECTORS; i++) result[i] = sum[i];
}

static void multiply_many(const Windows *w, const float *values, const float *weight, floats *result) {
    multiply_rows(w, values, weight, result, ROWS);
}

static void multiply_one(const Windows *w, const float *values, const float *weight, floats *result) {
    multiply_rows(w, values, weight, result, 1);
}

/* Writes the sums of some rows of a panel, with bias and activation; `count` vectors of which the last has `rest` channels. */
INLINE void give_rows(const Convolution *a, floats *sum, size_t place, long rows, long count, long rest,
                      const floats *bias, const int kind, const int activation) {
    int whole = count == VECTORS && rest == LANES;
    for (long row = 0; row < rows; row++, place += a->out_channels, sum += VECTORS) {
        UNROLLED for (int v = 0; v < VECTORS; v++) sum[v] = activated(sum[v] + bias[v], activation, kind == BFLOAT16);
        if (whole) {
            UNROLLED for (int v = 0; v < VECTORS; v++) put_channels(a->y, kind, place + v * LANES, LANES, sum[v]);
        } else {
            for (long v = 0; v < count; v++)
                put_channels(a->y, kind, place + v * LANES, v + 1 < count ? LANES : rest, sum[v]);
        }
    }
}

#define GIVE_ROWS(kind, activation)                                                     \
    case kind * 3 + activation:                                                         \
        give_rows(a, sum, place, rows, count, rest, bias, kind, activation);            \
        break;

/* The rows of the windows as far as one panel goes, into y from its position `first` on. */
static void give_panel(const Windows *w, long first, long last, long panel) {
    const Convolution *a = w->a;
    const float *weight = a->weight + panel * w->length * OUT_TOGETHER;
    long channel = panel * OUT_TOGETHER, left = a->out_channels - channel;
    left = left < OUT_TOGETHER ? left : OUT_TOGETHER;
    long count = (left + LANES - 1) / LANES, rest = left - (count - 1) * LANES;
    floats bias[VECTORS], sum[ROWS * VECTORS];
    for (long v = 0; v < VECTORS; v++) bias[v] = all(0);
    for (long v = 0; a->bias && v < count; v++)
        bias[v] = channels_at(a->bias, a->kind, channel + v * LANES, v + 1 < count ? LANES : rest);
    long rows = last - first < ROWS ? 1 : ROWS;
    for (long done = 0; done < last - first; done += rows) {
        /* The last rows are taken with some that are already done, which come out the same. */
        long row = done + rows <= last - first ? done : last - first - rows;
        size_t place = (first + row) * a->out_channels + channel;
        (rows == 1 ? multiply_one : multiply_many)(w, w->values + row * w->stride, weight, sum);
        switch (a->kind * 3 + a->activation) {
            GIVE_ROWS(0, 0) GIVE_ROWS(0, 1) GIVE_ROWS(0, 2) GIVE_ROWS(1, 0) GIVE_ROWS(1, 1) GIVE_ROWS(1, 2)
        }
    }
}

/* Copies the window of one position of the result, with zeros where it leaves the map. */
static void copy_window(const Convolution *a, long position, float *to) {
    long x = position % a->out_width * a->stride_x - a->padding_x, last = x + a->columns;
    long y = position / a->out_width % a->out_height * a->stride_y - a->padding_y;
    long image = position / a->out_width / a->out_height, line = a->columns * a->channels;
    long from = x < 0 ? 0 : x, until = last < a->width ? last : a->width;
    for (long row = y; row < y + a->rows; row++, to += line) {
        if (row < 0 || row >= a->height || from >= until) {
            memset(to, 0, line * sizeof(float));
            continue;
        }
        long before = (from - x) * a->channels, inside = (until - from) * a->channels;
        long piece = a->apart == a->channels ? inside : a->channels;
        size_t place = (((size_t)image * a->height + row) * a->width + from) * a->apart;
        if (before) memset(to, 0, before * sizeof(float));
        for (long done = 0; done < inside; done += piece, place += a->apart)
            read_row(a->x, a->kind, place, piece, to + before + done);
        if (before + inside < line) memset(to + before + inside, 0, (line - before - inside) * sizeof(float));
    }
}

/* How the result is shared out: blocks of `together` positions, each in some parts of panels. */
typedef struct {
    long positions, together, blocks, panels, parts;
} Shares;

static Shares shares_of(const Convolution *a, long length) {
    long positions = a->batch * a->out_height * a->out_width, together = HELD / length / ROWS;
    Shares s = {positions, (together ? together : 1) * ROWS, 1, (a->out_channels + OUT_TOGETHER - 1) / OUT_TOGETHER, 1};
    /* Rows that are left over belong to the last block. */
    if (positions > s.together) s.blocks = (positions / ROWS * ROWS + s.together - 1) / s.together;
    if (a->threads > 1) s.parts = (4 * a->threads + s.blocks - 1) / s.blocks;
    s.parts = s.parts < s.panels ? s.parts : s.panels;
    return s;
}

/* The whole convolution; nonzero where there was no memory. */
int NAMED(convolution)(const Convolution *a) {
    long length = a->rows * a->columns * a->channels, failed = 0;
    int dense = a->kind == FLOAT32 && a->rows * a->columns * a->stride_y * a->stride_x == 1 && a->padding_y + a->padding_x == 0;
    Shares s = shares_of(a, length);
#pragma omp parallel num_threads(a->threads) reduction(| : failed)
    {
        Range mine = share_of(s.blocks * s.parts, omp_get_thread_num(), omp_get_num_threads());
        float *copied = !dense && mine.first < mine.last ? reserve((size_t)(s.together + ROWS) * length) : NULL;
        failed = !dense && mine.first < mine.last && !copied;
        for (long unit = mine.first, ready = -1; !failed && unit < mine.last; unit++) {
            long block = unit / s.parts, first = block * s.together;
            long last = block + 1 < s.blocks ? first + s.together : s.positions;
            for (long i = first; copied && block != ready && i < last; i++) copy_window(a, i, copied + (i - first) * length);
            ready = block;
            Windows w = {a, copied, length, length};
            if (dense) w = (Windows){a, (const float *)a->x + first * a->apart, length, a->apart};
            Range panels = share_of(s.panels, unit % s.parts, s.parts);
            for (long panel = panels.first; panel < panels.last; panel++) give_panel(&w, first, last, panel);
        }
        free(copied);
    }
    return (int)failed;
}

#undef ROWS
#undef VECTORS
#undef HELD
#endif
