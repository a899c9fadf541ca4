/* The derivative of SS2D. */
#ifndef SPARX_SS2D_BACKWARD_H
#define SPARX_SS2D_BACKWARD_H

#include "ss2d.h"

/* This thread's derivatives of a direction's numbers: weight (rank), rate (states), bias, skip, channel by channel. */
static void add_channels(const SS2D *a, Scratch *m, int k, long channel, long count, const floats *numbers) {
    size_t each = channel_numbers(a);
    float *to = m->d_channels + ((size_t)k * a->channels + channel) * each;
    for (size_t i = 0; i < each; i++)
        for (long lane = 0; lane < count; lane++) to[lane * each + i] += numbers[i][lane];
}

static void block_backward(const SS2D *a, Scratch *m, floats *numbers, long image, long channel) {
    long length = a->height * a->width, rest = a->channels - channel, count = rest < LANES ? rest : LANES;
    read_tiles(a, a->x, image, channel, count, m->x);
    read_tiles(a, a->gradient, image, channel, count, m->y);
    memset(m->dx[0], 0, sizeof(float) * length * LANES);
    memset(m->dx[1], 0, sizeof(float) * length * LANES);
    Workspace w = workspace_in(m->workspace, length, a->states);
    for (int k = 0; k < DIRECTIONS; k++) {
        Channels c = read_channels(a, m, k, channel, count);
        Sequence s = sequence_of(a, m, k);
        long last = k >= 2 ? (length - 1) * LANES : 0;
        memset(numbers, 0, sizeof(floats) * channel_numbers(a));
        Derivatives d = {.u = m->dx[k % 2] + last, .values = m->d_values[k % 2] + (s.values - m->values[k % 2])};
        d.weight = numbers, d.rate = numbers + a->rank;
        d.bias = d.rate + a->states, d.skip = d.bias + 1;
        walk_backward(&c, &s, m->y[k % 2] + last, &w, &d);
        add_channels(a, m, k, channel, count, numbers);
    }
    write_tiles(a, a->dx, image, channel, count, m->dx);
}

/* The derivative of some positions' values: what all `parts` have found of it. */
static void write_values(const SS2D *a, long image, Range positions, Scratch *const *parts, long count) {
    long width = values_width(a), length = a->height * a->width;
    for (long position = positions.first; position < positions.last; position++) {
        long places[2] = {position, position % a->width * a->height + position / a->width};
        size_t to = ((size_t)image * length + position) * DIRECTIONS * width;
        for (int k = 0; k < DIRECTIONS; k++)
            for (long i = 0; i < width; i++) {
                float sum = 0;
                for (long part = 0; part < count; part++)
                    sum += parts[part]->d_values[k % 2][(places[k % 2] * 2 + k / 2) * width + i];
                put_element(a->d_projected, a->kind, to + k * width + i, sum);
            }
    }
}

/* The derivatives of some (direction, channel)'s numbers: what all threads have found of them. */
static void write_channels(const SS2D *a, Range channels, Scratch *const *parts, long count) {
    size_t each = channel_numbers(a);
    for (long channel = channels.first; channel < channels.last; channel++)
        for (size_t i = 0; i < each; i++) {
            float sum = 0;
            for (long part = 0; part < count; part++) sum += parts[part]->d_channels[channel * each + i];
            if (i < (size_t)a->rank) a->d_weight[channel * a->rank + i] = sum;
            else if (i < (size_t)(a->rank + a->states)) a->d_rate[channel * a->states + i - a->rank] = sum;
            else if (i == (size_t)(a->rank + a->states)) a->d_bias[channel] = sum;
            else a->d_skip[channel] = sum;
        }
}

static void image_backward(const SS2D *a, Scratch *m, floats *numbers, long image, Range blocks) {
    size_t values = 2 * (size_t)a->height * a->width * values_width(a) + filled(a->rank);
    memset(m->d_values[0], 0, values * sizeof(float));
    memset(m->d_values[1], 0, values * sizeof(float));
    read_values(a, image, m);
    for (long block = blocks.first; block < blocks.last; block++)
        block_backward(a, m, numbers, image, block * LANES);
}

/* A thread's part, once all threads have their memory. */
static void ss2d_backward_part(const SS2D *a, Scratch *const *parts, long part, long count, floats *numbers) {
    long blocks = (a->channels + LANES - 1) / LANES, length = a->height * a->width;
    int alone = image_by_image(a->batch, count);
    Range images = alone ? share_of(a->batch, part, count) : (Range){0, a->batch};
    Range own = alone ? (Range){0, blocks} : share_of(blocks, part, count);
    for (long image = images.first; image < images.last; image++) {
        image_backward(a, parts[part], numbers, image, own);
        if (alone) {
            write_values(a, image, (Range){0, length}, parts + part, 1);
            continue;
        }
#pragma omp barrier
        write_values(a, image, share_of(length, part, count), parts, count);
#pragma omp barrier
    }
#pragma omp barrier
    write_channels(a, share_of(DIRECTIONS * a->channels, part, count), parts, count);
}

/* All derivatives of SS2D; nonzero where there was no memory. */
int NAMED(ss2d_backward)(const SS2D *a) {
    int failed = 0;
    Scratch **parts = calloc(a->threads, sizeof *parts);
    if (!parts) return 1;
#pragma omp parallel num_threads(a->threads)
    {
        Scratch m = {.all = NULL};
        floats *numbers = (floats *)reserve(LANES * channel_numbers(a));
        if (!numbers || !reserve_scratch(&m, a, 1, 0)) {
#pragma omp atomic write
            failed = 1;
        }
        parts[omp_get_thread_num()] = &m;
#pragma omp barrier
        if (!failed) ss2d_backward_part(a, parts, omp_get_thread_num(), omp_get_num_threads(), numbers);
#pragma omp barrier
        free(numbers);
        free(m.all);
    }
    free(parts);
    return failed;
}

#endif
