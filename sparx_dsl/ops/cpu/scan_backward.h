/* The derivative of the selective scan along one dimension. */
#ifndef SPARX_SCAN_BACKWARD_H
#define SPARX_SCAN_BACKWARD_H

#include "scan.h"

static void line_backward(const Scan *a, Lines *m, floats *numbers, long image, long block) {
    long count, sample = image / a->groups, channel = block_of(a, image % a->groups, block, &count);
    size_t each = scan_numbers(a);
    Range all_positions = {0, a->length};
    read_tile(a, &a->u, sample, all_positions, channel, count, m->u);
    read_tile(a, &a->delta, sample, all_positions, channel, count, m->z);
    read_tile(a, &a->gradient, sample, all_positions, channel, count, m->y);
    memset(m->du, 0, sizeof(float) * a->length * LANES);
    memset(numbers, 0, sizeof(floats) * each);
    Channels c = scan_channels(a, (floats *)m->rate, channel, count);
    Sequence s = {.length = a->length, .row = 2 * a->states, .step = LANES, .values = m->values, .u = m->u, .z = m->z};
    Derivatives d = {.u = m->du, .z = m->dz, .values = m->d_values, .rate = numbers};
    d.bias = numbers + a->states, d.skip = d.bias + 1;
    Workspace w = workspace_in(m->workspace, a->length, a->states);
    walk_backward(&c, &s, m->y, &w, &d);
    write_tile(a, a->du, sample, all_positions, channel, count, m->du);
    write_tile(a, a->d_delta, sample, all_positions, channel, count, m->dz);
    for (size_t i = 0; i < each; i++)
        for (long lane = 0; lane < count; lane++) m->d_channels[(channel + lane) * each + i] += numbers[i][lane];
}

/* The derivatives of B and C at some positions: what all `parts` have found of them. */
static void write_lines(const Scan *a, long image, Range positions, Lines *const *parts, long count) {
    for (long n = 0; n < a->states; n++)
        for (long position = positions.first; position < positions.last; position++) {
            size_t to = ((size_t)image * a->states + n) * a->length + position;
            float into = 0, out = 0;
            for (long part = 0; part < count; part++) {
                into += parts[part]->d_values[position * 2 * a->states + n];
                out += parts[part]->d_values[(position * 2 + 1) * a->states + n];
            }
            put_element(a->d_into, a->kind, to, into);
            put_element(a->d_out, a->kind, to, out);
        }
}

/* The derivatives of some channels' numbers: what all threads have found of them. */
static void write_numbers(const Scan *a, Range channels, Lines *const *parts, long count) {
    long each = (long)scan_numbers(a);
    for (long channel = channels.first; channel < channels.last; channel++)
        for (long i = 0; i < each; i++) {
            float sum = 0;
            for (long part = 0; part < count; part++) sum += parts[part]->d_channels[channel * each + i];
            if (i < a->states) a->d_rate[channel * a->states + i] = sum;
            else if (i == a->states) a->d_bias[channel] = sum;
            else a->d_skip[channel] = sum;
        }
}

/* A thread's part, once all threads have their memory. */
static void scan_backward_part(const Scan *a, Lines *const *parts, long part, long count, floats *numbers) {
    Lines *m = parts[part];
    long blocks = (a->channels / a->groups + LANES - 1) / LANES, whole = a->batch * a->groups;
    int alone = image_by_image(whole, count);
    Range images = alone ? share_of(whole, part, count) : (Range){0, whole};
    Range own = alone ? (Range){0, blocks} : share_of(blocks, part, count);
    for (long image = images.first; image < images.last; image++) {
        memset(m->d_values, 0, sizeof(float) * a->length * 2 * a->states);
        read_lines(a, image, m);
        for (long block = own.first; block < own.last; block++) line_backward(a, m, numbers, image, block);
        if (alone) {
            write_lines(a, image, (Range){0, a->length}, parts + part, 1);
            continue;
        }
#pragma omp barrier
        write_lines(a, image, share_of(a->length, part, count), parts, count);
#pragma omp barrier
    }
#pragma omp barrier
    write_numbers(a, share_of(a->channels, part, count), parts, count);
}

/* All derivatives of the scan; nonzero where there was no memory. */
int NAMED(scan_backward)(const Scan *a) {
    int failed = 0;
    Lines **parts = calloc(a->threads, sizeof *parts);
    if (!parts) return 1;
#pragma omp parallel num_threads(a->threads)
    {
        Lines m = {.all = NULL};
        floats *numbers = (floats *)reserve(LANES * scan_numbers(a));
        if (!numbers || !reserve_lines(&m, a, 1)) {
#pragma omp atomic write
            failed = 1;
        }
        parts[omp_get_thread_num()] = &m;
#pragma omp barrier
        if (!failed) scan_backward_part(a, parts, omp_get_thread_num(), omp_get_num_threads(), numbers);
#pragma omp barrier
        free(numbers);
        free(m.all);
    }
    free(parts);
    return failed;
}

#endif
