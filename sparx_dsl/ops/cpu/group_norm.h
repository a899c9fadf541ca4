/* GroupNorm of one group: a map has its mean and variance over all its numbers, a channel its own scale and shift.
 *
 * The sums are of differences from the map's first number, so that a mean far from zero takes no digits from them.
 */
#ifndef SPARX_GROUP_NORM_H
#define SPARX_GROUP_NORM_H

#include "arguments.h"
#include "share.h"
#include "tile.h"

/* Over some of the positions of a map; apart from another thread's by a line of the cache. */
typedef struct {
    double values, squares, apart[6];
} Sums;

/* As many vectors as are summed in float32 before they go into the whole, so that the sum keeps its digits. */
#define SUMMED 256

INLINE void add_sums(const GroupNorm *a, const int kind, float shift, size_t from, size_t until, Sums *sums) {
    floats values[4] = {0}, squares[4] = {0};
    for (; from + 4 * LANES <= until; from += 4 * LANES)
        UNROLLED for (int j = 0; j < 4; j++) {
            floats value = channels_at(a->x, kind, from + j * LANES, LANES) - shift;
            values[j] += value, squares[j] += value * value;
        }
    sums->values += sum_of((values[0] + values[1]) + (values[2] + values[3]));
    sums->squares += sum_of((squares[0] + squares[1]) + (squares[2] + squares[3]));
    for (; from < until; from++) {
        float value = element(a->x, kind, from) - shift;
        sums->values += value, sums->squares += value * value;
    }
}

/* The sums over the numbers from … until − 1. */
static Sums sums_of(const GroupNorm *a, float shift, size_t from, size_t until) {
    Sums found = {0, 0, {0}};
    for (; from < until; from += SUMMED * LANES) {
        size_t end = from + SUMMED * LANES < until ? from + SUMMED * LANES : until;
        if (a->kind == FLOAT32) add_sums(a, FLOAT32, shift, from, end, &found);
        else add_sums(a, BFLOAT16, shift, from, end, &found);
    }
    return found;
}

/* The numbers from … until − 1, which begin with a position's first channel; `scale` is (channels, filled up). */
INLINE void give_positions(const GroupNorm *a, const int kind, float mean, const float *scale, size_t from,
                           size_t until) {
    /* In variables of their own: what is written could lie where the arguments do, for all that the compiler knows. */
    const void *x = a->x;
    void *y = a->y;
    const float *bias = a->bias;
    const long channels = a->channels;
    for (; from < until; from += channels) {
        long channel = 0;
        for (; channel + LANES <= channels; channel += LANES) {
            floats value = channels_at(x, kind, from + channel, LANES) - mean;
            put_channels(y, kind, from + channel, LANES, value * load(scale + channel) + load(bias + channel));
        }
        for (; channel < channels; channel++) {
            float value = element(x, kind, from + channel) - mean;
            put_element(y, kind, from + channel, value * scale[channel] + bias[channel]);
        }
    }
}

/* Normalises some positions of the image that begins at `begin`, by the sums over all of it; `scale` is memory. */
static void normalise(const GroupNorm *a, Sums whole, float shift, float *scale, size_t begin, Range positions) {
    double size = (double)a->positions * a->channels, mean = whole.values / size;
    double variance = whole.squares / size - mean * mean;
    float factor = (float)(1 / __builtin_sqrt((variance > 0 ? variance : 0) + a->epsilon));
    float middle = (float)(shift + mean);
    for (long channel = 0; channel < a->channels; channel++) scale[channel] = a->weight[channel] * factor;
    size_t from = begin + positions.first * a->channels, until = begin + positions.last * a->channels;
    if (a->kind == FLOAT32) give_positions(a, FLOAT32, middle, scale, from, until);
    else give_positions(a, BFLOAT16, middle, scale, from, until);
}

/* The whole norm; nonzero where there was no memory. Threads take images each, or parts of one image after another. */
int NAMED(group_norm)(const GroupNorm *a) {
    size_t size = (size_t)a->positions * a->channels, room = (a->channels + 15) / 16 * 16;
    int alone = image_by_image(a->batch, a->threads);
    Sums *parts = (Sums *)reserve(sizeof(Sums) / sizeof(float) * a->threads);
    float *scales = reserve(room * a->threads);
    int failed = !parts || !scales;
#pragma omp parallel num_threads(failed ? 1 : a->threads)
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        Range images = alone ? share_of(a->batch, thread, threads) : (Range){0, a->batch};
        Range mine = alone ? (Range){0, a->positions} : share_of(a->positions, thread, threads);
        for (long image = images.first; !failed && image < images.last; image++) {
            size_t begin = image * size;
            float shift = element(a->x, a->kind, begin);
            size_t from = begin + mine.first * a->channels, until = begin + mine.last * a->channels;
            Sums whole = parts[thread] = sums_of(a, shift, from, until);
            if (!alone) {
#pragma omp barrier
                whole = parts[0];
                for (int other = 1; other < threads; other++) {
                    whole.values += parts[other].values;
                    whole.squares += parts[other].squares;
                }
            }
            normalise(a, whole, shift, scales + thread * room, begin, mine);
            if (!alone) {
                /* No thread may go on to its next sum while another still reads this one. */
#pragma omp barrier
            }
        }
    }
    free(parts);
    free(scales);
    return failed;
}

#endif
