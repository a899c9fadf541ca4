/* A depthwise convolution of channels-first maps in float32, of stride 1 and a size that stays, and its derivatives.
 *
 * A plane, one channel of an image, is copied between borders of zeros. Read as one row, every tap is then a shift by a
 * constant, so vectors of neighbouring positions are summed without regard to where rows end; what lies in the borders is
 * left behind, or was zero.
 */
#ifndef SPARX_PLANES_H
#define SPARX_PLANES_H

#include "arguments.h"
#include "share.h"
#include "tile.h"

/* As many vectors of positions are summed together. */
#define SUMS 4
#define MOST_TAPS 49

/* A plane between its borders has rows of `pitch`; vectors that begin within `length` positions hold all that count. */
typedef struct {
    const Planes *a;
    long reach, pitch, length, room;
} Geometry;

static Geometry geometry_of(const Planes *a) {
    long reach = a->kernel / 2, pitch = a->width + 2 * reach, length = a->height * pitch;
    return (Geometry){a, reach, pitch, length, (a->height + 2 * reach) * pitch + 2 * reach + SUMS * LANES};
}

/* Copies a plane between the borders, which stay as they are. */
static void put_between(const Geometry *g, const float *plane, float *to) {
    for (long row = 0; row < g->a->height; row++)
        memcpy(to + (row + g->reach) * g->pitch + g->reach, plane + row * g->a->width, g->a->width * sizeof(float));
}

/* The sums at all positions of a plane between borders, as one row, by taps in the order of their memory. */
INLINE void sum_taps(const Geometry *g, const float *plane, const float *taps, float bias, float *to, const int kernel) {
    for (long at = 0; at < g->length; at += SUMS * LANES) {
        floats sum[SUMS];
        UNROLLED for (int j = 0; j < SUMS; j++) sum[j] = all(bias);
        for (int y = 0; y < kernel; y++)
            UNROLLED for (int x = 0; x < kernel; x++) {
                const float *from = plane + at + y * g->pitch + x;
                floats tap = all(taps[y * kernel + x]);
                UNROLLED for (int j = 0; j < SUMS; j++) sum[j] += tap * load(from + j * LANES);
            }
        UNROLLED for (int j = 0; j < SUMS; j++) store(to + at + j * LANES, sum[j]);
    }
}

static void convolve_plane(const Geometry *g, const float *plane, const float *taps, float bias, float *row, float *to) {
    if (g->a->kernel == 3) sum_taps(g, plane, taps, bias, row, 3);
    else if (g->a->kernel == 5) sum_taps(g, plane, taps, bias, row, 5);
    else sum_taps(g, plane, taps, bias, row, 7);
    for (long y = 0; y < g->a->height; y++)
        memcpy(to + y * g->a->width, row + y * g->pitch, g->a->width * sizeof(float));
}

/* Adds what a plane and the gradient there give for the taps of some rows, `floats` for each tap. */
INLINE void add_tap_gradients(const Geometry *g, const float *plane, const float *gradient, long first, float *sums,
                              const int kernel, const int rows) {
    floats sum[rows * kernel];
    UNROLLED for (int tap = 0; tap < rows * kernel; tap++) sum[tap] = all(0.0f);
    const float *inner = gradient + g->reach * g->pitch + g->reach;
    for (long at = 0; at < g->length; at += LANES) {
        floats value = load(inner + at);
        UNROLLED for (int y = 0; y < rows; y++)
            UNROLLED for (int x = 0; x < kernel; x++)
                sum[y * kernel + x] += value * load(plane + at + (first + y) * g->pitch + x);
    }
    UNROLLED for (int tap = 0; tap < rows * kernel; tap++) {
        float *to = sums + (first * kernel + tap) * LANES;
        store(to, load(to) + sum[tap]);
    }
}

/* The same for all taps, and for the bias behind them. */
static void add_gradients(const Geometry *g, const float *plane, const float *gradient, float *sums) {
    long kernel = g->a->kernel;
    if (kernel == 3) add_tap_gradients(g, plane, gradient, 0, sums, 3, 3);
    else if (kernel == 5)
        for (long row = 0; row < 5; row++) add_tap_gradients(g, plane, gradient, row, sums, 5, 1);
    else
        for (long row = 0; row < 7; row++) add_tap_gradients(g, plane, gradient, row, sums, 7, 1);
    floats whole = load(sums + kernel * kernel * LANES);
    for (long at = 0; at < g->length; at += LANES) whole += load(gradient + g->reach * g->pitch + g->reach + at);
    store(sums + kernel * kernel * LANES, whole);
}

/* The convolution; nonzero where there was no memory. Threads take channels each. */
int NAMED(planes_forward)(const Planes *a) {
    Geometry g = geometry_of(a);
    long size = a->height * a->width, failed = 0;
#pragma omp parallel num_threads(a->threads) reduction(| : failed)
    {
        Range mine = share_of(a->batch * a->channels, omp_get_thread_num(), omp_get_num_threads());
        float *plane = reserve(2 * g.room), *row = plane + g.room;
        failed = !plane;
        if (plane) memset(plane, 0, g.room * sizeof(float));
        for (long unit = mine.first; plane && unit < mine.last; unit++) {
            long channel = unit % a->channels;
            put_between(&g, a->x + unit * size, plane);
            const float *taps = a->weight + channel * a->kernel * a->kernel;
            convolve_plane(&g, plane, taps, a->bias[channel], row, a->y + unit * size);
        }
        free(plane);
    }
    return (int)failed;
}

/* The gradients of a channel's plane in every image, of its taps and its bias. */
static void give_gradients(const Geometry *g, long channel, float *plane, float *gradient, float *row) {
    const Planes *a = g->a;
    long size = a->height * a->width, taps = a->kernel * a->kernel;
    float turned[MOST_TAPS], sums[(MOST_TAPS + 1) * LANES] = {0};
    for (long tap = 0; tap < taps; tap++) turned[tap] = a->weight[(channel + 1) * taps - 1 - tap];
    for (long image = 0; image < a->batch; image++) {
        size_t place = (image * a->channels + channel) * size;
        put_between(g, a->gradient + place, gradient);
        put_between(g, a->x + place, plane);
        convolve_plane(g, gradient, turned, 0, row, a->dx + place);
        add_gradients(g, plane, gradient, sums);
    }
    for (long tap = 0; tap < taps; tap++) a->d_weight[channel * taps + tap] = sum_of(load(sums + tap * LANES));
    a->d_bias[channel] = sum_of(load(sums + taps * LANES));
}

/* Its derivatives; nonzero where there was no memory. A channel's are one thread's, so that no sum depends on the others. */
int NAMED(planes_backward)(const Planes *a) {
    Geometry g = geometry_of(a);
    long failed = 0;
#pragma omp parallel num_threads(a->threads) reduction(| : failed)
    {
        Range mine = share_of(a->channels, omp_get_thread_num(), omp_get_num_threads());
        float *plane = reserve(3 * g.room), *gradient = plane + g.room, *row = gradient + g.room;
        failed = !plane;
        if (plane) memset(plane, 0, 2 * g.room * sizeof(float));
        for (long channel = mine.first; plane && channel < mine.last; channel++)
            give_gradients(&g, channel, plane, gradient, row);
        free(plane);
    }
    return (int)failed;
}

#endif
