/* Attention within the windows of a map, with a bias for every pair of places, as Swin has it (Liu et al. 2021).
 *
 * A window of one head is worked on by itself: keys lie transposed and values as they are in memory next to the core,
 * and a few queries at a time get their scores, softmax and result from there. Elements are floats, or, where the
 * machine multiplies pairs of bfloat16, such pairs: of neighbouring channels for scores, of neighbouring places for the
 * result. A window that leaves the map goes on at its other side, where places of different regions are apart.
 */
#ifndef SPARX_WINDOW_ATTENTION_H
#define SPARX_WINDOW_ATTENTION_H

#include "arguments.h"
#include "share.h"
#include "tile.h"

/* As many queries are worked on together, and as many vectors of keys, as there are registers for their scores. */
#define QUERIES (LANES == 16 ? 4 : 2)
#define KEYS 4
/* The score of places that are apart. */
#define NEVER -1e30f

/* Memory for a window: `places` of it, filled up to `room`; channels of a head, filled up to `wide`. */
typedef struct {
    const WindowAttention *a;
    long places, room, width, wide, image, head;
    long *position;
    int32_t *label;
    float *query, *key, *value, *score;
} Window;

enum { QUERY, KEY, VALUE };

/* Where in the map every place of a window lies, −1 behind its end, and by its label which others it attends to. */
static void find_places(const Window *w, long window) {
    const WindowAttention *a = w->a;
    long across = (a->width + a->window - 1) / a->window, down = (a->height + a->window - 1) / a->window;
    long tall = down * a->window, wide = across * a->window, place = 0;
    for (long y = 0; y < a->window; y++) {
        long row = window / across * a->window + y + a->shift, real_row = row < tall ? row : row - tall;
        for (long x = 0; x < a->window; x++, place++) {
            long column = window % across * a->window + x + a->shift, real = column < wide ? column : column - wide;
            int within = real_row < a->height && real < a->width;
            w->position[place] = within ? real_row * a->width + real : -1;
            w->label[place] = within ? 2 * (row >= tall) + (column >= wide) : -1;
        }
    }
    for (; place < w->room; place++) w->position[place] = w->label[place] = -1;
}

/* `count` channels of a place from `channel` on, as floats; zeros behind the map's end. */
INLINE floats channels_of(const Window *w, long part, long place, long channel, const int kind) {
    const WindowAttention *a = w->a;
    if (w->position[place] < 0) return all(0.0f);
    size_t position = (size_t)w->image * a->height * a->width + w->position[place];
    size_t row = ((position * 3 + part) * a->heads + w->head) * w->width;
    long count = w->width - channel < LANES ? w->width - channel : LANES;
    return channels_at(a->x, kind, row + channel, count);
}

/* LANES elements of a place from `element` on. */
INLINE floats elements_of(const Window *w, long part, long place, long element, const int kind, const int pairs) {
    if (!pairs) return channels_of(w, part, place, element, kind);
    uint16_t halves_of_all[2 * LANES] = {0};
    narrow_all(halves_of_all, channels_of(w, part, place, 2 * element, kind));
    if (2 * element + LANES < w->width)
        narrow_all(halves_of_all + LANES, channels_of(w, part, place, 2 * element + LANES, kind));
    floats found;
    memcpy(&found, halves_of_all, sizeof found);
    return found;
}

INLINE void take_keys(const Window *w, long elements, const int kind, const int pairs) {
    for (long first = 0; first < w->room; first += LANES)
        for (long element = 0; element < elements; element += LANES) {
            floats square[LANES];
            UNROLLED for (long lane = 0; lane < LANES; lane++)
                square[lane] = elements_of(w, KEY, first + lane, element, kind, pairs);
            transpose(square);
            UNROLLED for (long lane = 0; lane < LANES; lane++)
                if (element + lane < elements) store(w->key + (element + lane) * w->room + first, square[lane]);
        }
}

INLINE void take_values(const Window *w, const int kind, const int pairs) {
    float *to = w->value;
    for (long place = 0; place < w->places; place += 1 + pairs)
        for (long channel = 0; channel < w->wide; channel += LANES, to += LANES) {
            floats value = channels_of(w, VALUE, place, channel, kind);
            /* The place behind the last one is there, and empty. */
            if (pairs) value = (floats)paired(value, channels_of(w, VALUE, place + 1, channel, kind));
            store(to, value);
        }
}

/* Adds the product of vectors of elements and one element for all lanes. */
INLINE floats add_element(floats sum, floats elements, const float *element, const int pairs) {
#if PAIRED
    uint32_t pair;
    memcpy(&pair, element, sizeof pair);
    if (pairs) return add_products(sum, (words)elements, pair);
#endif
    (void)pairs;
    return sum + elements * *element;
}

/* The scores of QUERIES places from `place` on, for `vectors` vectors of keys from `first` on. */
INLINE void give_scores(const Window *w, long place, long first, long elements, const int vectors, const int pairs) {
    floats sum[QUERIES][KEYS] = {{{0}}};
    for (long element = 0; element < elements; element++) {
        floats keys[KEYS];
        UNROLLED for (int v = 0; v < vectors; v++) keys[v] = load(w->key + element * w->room + first + v * LANES);
        UNROLLED for (int i = 0; i < QUERIES; i++)
            UNROLLED for (int v = 0; v < vectors; v++)
                sum[i][v] = add_element(sum[i][v], keys[v], w->query + i * w->wide + element, pairs);
    }
    float scale = 1 / __builtin_sqrtf((float)w->width);
    UNROLLED for (int i = 0; i < QUERIES; i++) {
        long own = place + i < w->places ? place + i : w->places - 1;
        const float *bias = w->a->bias + (w->head * w->places + own) * w->room + first;
        UNROLLED for (int v = 0; v < vectors; v++) {
            ints labels;
            memcpy(&labels, w->label + first + v * LANES, sizeof labels);
            floats score = sum[i][v] * scale + load(bias + v * LANES);
            store(w->score + i * w->room + first + v * LANES, choose(labels == w->label[own], score, all(NEVER)));
        }
    }
}

/* Turns a row of scores into elements of weights, which are yet to be divided by the number that is returned. */
INLINE float weigh(float *score, long room, const int coarse, const int pairs) {
    floats most = load(score), sum = all(0.0f);
    for (long place = LANES; place < room; place += LANES) most = at_least(most, load(score + place));
    float bound = largest_of(most);
    for (long place = 0; place < room; place += LANES) {
        floats value = load(score + place), power = at_least(all(-126.0f), (value - bound) * LOG2_E);
        /* What is no number stays none. */
        floats weight = choose(value < NEVER / 2, all(0.0f), power_of_two(power, coarse));
        sum += weight;
        if (pairs) narrow_all((uint16_t *)score + place, weight);
        else store(score + place, weight);
    }
    return sum_of(sum);
}

/* The results of QUERIES places from `place` on, from the weights that stand in the place of their scores. */
INLINE void give_results(const Window *w, long place, const float *sums, const int kind, const int pairs) {
    const WindowAttention *a = w->a;
    long elements = pairs ? (w->places + 1) / 2 : w->places;
    for (long channel = 0; channel < w->wide; channel += 2 * LANES) {
        const int two = channel + LANES < w->wide;
        floats result[QUERIES][2] = {{{0}}};
        for (long element = 0; element < elements; element++) {
            const float *from = w->value + element * w->wide + channel;
            floats first = load(from), second = load(two ? from + LANES : from);
            UNROLLED for (int i = 0; i < QUERIES; i++) {
                const float *weight = w->score + i * w->room + element;
                result[i][0] = add_element(result[i][0], first, weight, pairs);
                result[i][1] = add_element(result[i][1], second, weight, pairs);
            }
        }
        UNROLLED for (int i = 0; i < QUERIES; i++) {
            if (place + i >= w->places || w->position[place + i] < 0) continue;
            size_t position = (size_t)w->image * a->height * a->width + w->position[place + i];
            size_t to = (position * a->heads + w->head) * w->width + channel;
            long rest = w->width - channel;
            floats factor = all(1 / sums[i]);
            put_channels(a->y, kind, to, rest < LANES ? rest : LANES, result[i][0] * factor);
            rest -= LANES;
            if (two) put_channels(a->y, kind, to + LANES, rest < LANES ? rest : LANES, result[i][1] * factor);
        }
    }
}

/* A window of a head, from its keys to its results. */
INLINE void attend(const Window *w, const int kind, const int pairs) {
    long elements = pairs ? (w->width + 1) / 2 : w->width;
    take_keys(w, elements, kind, pairs);
    take_values(w, kind, pairs);
    for (long place = 0; place < w->places; place += QUERIES) {
        for (int i = 0; i < QUERIES && place + i < w->places; i++)
            for (long element = 0; element < elements; element += LANES)
                store(w->query + i * w->wide + element, elements_of(w, QUERY, place + i, element, kind, pairs));
        long first = 0;
        for (; first + KEYS * LANES <= w->room; first += KEYS * LANES)
            give_scores(w, place, first, elements, KEYS, pairs);
        for (; first < w->room; first += LANES) give_scores(w, place, first, elements, 1, pairs);
        float sums[QUERIES];
        for (int i = 0; i < QUERIES; i++) sums[i] = weigh(w->score + i * w->room, w->room, kind == BFLOAT16, pairs);
        give_results(w, place, sums, kind, pairs);
    }
}

/* The whole attention; nonzero where there was no memory. */
int NAMED(window_attention)(const WindowAttention *a) {
    long across = (a->width + a->window - 1) / a->window, down = (a->height + a->window - 1) / a->window, failed = 0;
    long places = a->window * a->window, width = a->channels / 3 / a->heads, wide = (width + LANES - 1) / LANES * LANES;
    long room = (places + PLACES_TOGETHER - 1) / PLACES_TOGETHER * PLACES_TOGETHER;
#pragma omp parallel num_threads(a->threads) reduction(| : failed)
    {
        Range mine = share_of(a->batch * down * across * a->heads, omp_get_thread_num(), omp_get_num_threads());
        /* Positions, labels, queries, keys, values, scores. */
        float *memory = reserve(3 * room + wide * (QUERIES + 2 * room) + QUERIES * room);
        failed = !memory;
        float *key = memory + 3 * room, *value = key + wide * room, *query = value + wide * room;
        Window w = {a, places, room, width, wide, 0, 0, (long *)memory, (int32_t *)(memory + 2 * room),
                    query, key, value, query + wide * QUERIES};
        for (long unit = mine.first; memory && unit < mine.last; unit++) {
            long window = unit / a->heads;
            w.head = unit % a->heads, w.image = window / (down * across);
            if (unit == mine.first || w.head == 0) find_places(&w, window % (down * across));
            if (a->kind == FLOAT32) attend(&w, FLOAT32, 0);
            else attend(&w, BFLOAT16, PAIRED);
        }
        free(memory);
    }
    return (int)failed;
}

#endif
