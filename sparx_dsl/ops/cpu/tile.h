/* Tiles: the values of LANES neighbouring channels at every position, float32, position after position.
 *
 * A tensor's rows are positions and its columns channels; activations are float32 or bfloat16.
 */
#ifndef SPARX_TILE_H
#define SPARX_TILE_H

#include <stddef.h>
#include <stdlib.h>

#include "vector.h"

enum { FLOAT32 = 0, BFLOAT16 = 1 };

INLINE float widen(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/* Rounds to the nearest bfloat16, to the even one of two; what is no number stays none. */
INLINE uint16_t narrow(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (value != value) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

typedef uint16_t halves __attribute__((vector_size(2 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));

/* LANES values at once, as `widen` and `narrow` make them; subnormal ones may become zeros. */
INLINE floats widen_all(const uint16_t *from) {
#if defined(__AVX2__) && LANES == 8
    /* GCC parts and joins the vector where one instruction does. */
    return (floats)((words)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from)) << 16);
#else
    halves value;
    memcpy(&value, from, sizeof value);
    return (floats)(__builtin_convertvector(value, words) << 16);
#endif
}

INLINE void narrow_all(uint16_t *to, floats value) {
#if defined(__AVX512BF16__) && LANES == 16
    __m256bh result = _mm512_cvtneps_pbh((__m512)value);
    memcpy(to, &result, sizeof result);
#else
    words bits = (words)value, rounded = bits + 0x7fff + (bits >> 16 & 1);
    words kept = (words)choose(value == value, (floats)rounded, (floats)(bits | 0x400000));
    kept >>= 16;
#if defined(__AVX2__) && LANES == 8
    __m128i low = _mm256_castsi256_si128((__m256i)kept), high = _mm256_extracti128_si256((__m256i)kept, 1);
    _mm_storeu_si128((__m128i *)to, _mm_packus_epi32(low, high));
#else
    halves result = __builtin_convertvector(kept, halves);
    memcpy(to, &result, sizeof result);
#endif
#endif
}

#if defined(__AVX512BF16__) && LANES == 16
#define PAIRED 1
/* Adds the products of two weights and two values, all bfloat16, in one instruction. */
INLINE floats add_products(floats sum, words weights, uint32_t values) {
    return (floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)weights, (__m512bh)_mm512_set1_epi32((int)values));
}
#else
#define PAIRED 0
#endif

/* Two numbers in each lane, rounded to bfloat16. */
INLINE words paired(floats first, floats second) {
    words low = (words)first, high = (words)second;
    low = (low + 0x7fff + (low >> 16 & 1)) >> 16;
    high = (high + 0x7fff + (high >> 16 & 1)) & 0xffff0000;
    return low | high;
}

INLINE float element(const void *tensor, int kind, size_t index) {
    return kind == FLOAT32 ? ((const float *)tensor)[index] : widen(((const uint16_t *)tensor)[index]);
}

INLINE void put_element(void *tensor, int kind, size_t index, float value) {
    if (kind == FLOAT32) ((float *)tensor)[index] = value;
    else ((uint16_t *)tensor)[index] = narrow(value);
}

/* `count` channels from `index` on, zeros in the lanes behind them. */
INLINE floats channels_at(const void *tensor, int kind, size_t index, long count) {
    float lanes[LANES] = {0};
    if (kind == FLOAT32) {
        const float *from = (const float *)tensor + index;
        if (count == LANES) return load(from);
        for (long lane = 0; lane < count; lane++) lanes[lane] = from[lane];
    } else {
        const uint16_t *from = (const uint16_t *)tensor + index;
        if (count == LANES) return widen_all(from);
        for (long lane = 0; lane < count; lane++) lanes[lane] = widen(from[lane]);
    }
    return load(lanes);
}

INLINE void put_channels(void *tensor, int kind, size_t index, long count, floats value) {
    float lanes[LANES];
    store(lanes, value);
    if (kind == FLOAT32) {
        float *to = (float *)tensor + index;
        if (count == LANES) store(to, value);
        else for (long lane = 0; lane < count; lane++) to[lane] = lanes[lane];
    } else {
        uint16_t *to = (uint16_t *)tensor + index;
        if (count == LANES) narrow_all(to, value);
        else for (long lane = 0; lane < count; lane++) to[lane] = narrow(lanes[lane]);
    }
}

/* The tile of some positions of `count` channels, from one channel's row of positions to the next one's in `stride` elements.
 * The lanes behind the channels are zeros.
 */
INLINE void tile_of_rows(const void *tensor, int kind, size_t index, long stride, long positions, long count, float *tile) {
    long first = 0;
    if (count == LANES)
        for (; first + LANES <= positions; first += LANES) {
            floats square[LANES];
            UNROLLED for (long lane = 0; lane < LANES; lane++)
                square[lane] = channels_at(tensor, kind, index + lane * stride + first, LANES);
            transpose(square);
            UNROLLED for (long lane = 0; lane < LANES; lane++) store(tile + (first + lane) * LANES, square[lane]);
        }
    for (long position = first; position < positions; position++) {
        float lanes[LANES] = {0};
        for (long lane = 0; lane < count; lane++) lanes[lane] = element(tensor, kind, index + lane * stride + position);
        store(tile + position * LANES, load(lanes));
    }
}

/* `count` elements from `index` on, as floats. */
INLINE void read_row(const void *tensor, int kind, size_t index, long count, float *to) {
    if (kind == FLOAT32) {
        const float *from = (const float *)tensor + index;
        for (long i = 0; i < count; i++) to[i] = from[i];
    } else {
        const uint16_t *from = (const uint16_t *)tensor + index;
        for (long i = 0; i < count; i++) to[i] = widen(from[i]);
    }
}

/* `count` floats at an address that whole vectors may use; NULL where there is no memory. */
INLINE float *reserve(size_t count) {
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    return aligned_alloc(64, bytes ? bytes : 64);
}

#endif
