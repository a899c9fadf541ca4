/* Vectors of LANES floats, one channel a lane, and the two functions that the scan needs of them.
 *
 * Written with the vector extensions of GCC and Clang: the same text becomes SSE2, AVX2, AVX-512 or NEON.
 * The flags of the compiler choose the instructions; LANES is set to match them.
 */
#ifndef SPARX_VECTOR_H
#define SPARX_VECTOR_H

#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

/* Before a loop of few rounds: left as a loop, it would keep its vectors in memory. */
#define UNROLLED _Pragma("GCC unroll 16")

#define LOG2_E 1.44269504088896341f

INLINE floats all(float value) {
    return (floats){0} + value;
}

/* Where the mask is set `a`, elsewhere `b`. */
INLINE floats choose(ints mask, floats a, floats b) {
    return (floats)((mask & (ints)a) | (~mask & (ints)b));
}

/* Without its sign. */
INLINE floats size_of(floats value) {
    return (floats)((ints)value & 0x7fffffff);
}

/* The larger of a bound and a value; a value that is no number stays one. */
INLINE floats at_least(floats bound, floats value) {
#if defined(__AVX512F__) && LANES == 16
    return (floats)_mm512_max_ps((__m512)bound, (__m512)value);
#elif defined(__AVX2__) && LANES == 8
    return (floats)_mm256_max_ps((__m256)bound, (__m256)value);
#else
    return choose(value < bound, bound, value);
#endif
}

/* The smaller of a bound and a value; a value that is no number stays one. */
INLINE floats at_most(floats bound, floats value) {
#if defined(__AVX512F__) && LANES == 16
    return (floats)_mm512_min_ps((__m512)bound, (__m512)value);
#elif defined(__AVX2__) && LANES == 8
    return (floats)_mm256_min_ps((__m256)bound, (__m256)value);
#else
    return choose(value > bound, bound, value);
#endif
}

/* 2 to the x, within 2e-7 of it, or 1.1e-4 where that is fine enough, for x in [-126, 127]; values beyond are taken for
 * the nearest of these, or give 0 and infinity. */
INLINE floats power_of_two(floats x, const int coarse) {
#if defined(__AVX512F__) && LANES == 16
    floats whole = (floats)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    /* Adding 1.5·2^23 leaves the rounded number in the lowest bits of the sum. */
    const float shift = 12582912.0f;
    x = at_most(all(127.0f), at_least(all(-126.0f), x));
    floats shifted = x + shift, whole = shifted - shift;
#endif
    floats rest = x - whole;
    floats power;
    if (coarse) {
        power = all(0.05597714f);
        power = power * rest + 0.2422255f;
        power = power * rest + 0.6931125f;
    } else {
        power = all(0.00132765f);
        power = power * rest + 0.00967554f;
        power = power * rest + 0.05550713f;
        power = power * rest + 0.2402212f;
        power = power * rest + 0.69314697f;
    }
    power = power * rest + 1.0f;
#if defined(__AVX512F__) && LANES == 16
    return (floats)_mm512_scalef_ps((__m512)power, (__m512)whole);
#else
    /* Multiplied, not added to the exponent, so that no number stays no number. */
    return power * (floats)(((ints)shifted - 0x4b400000 + 127) << 23);
#endif
}

/* ln(1 + t), within 4e-7 of its own size, or 6e-5 where that is fine enough, for t in [0, 1]. */
INLINE floats log_of_one_plus(floats t, const int coarse) {
    floats series;
    if (coarse) {
        series = all(0.0413472913f);
        series = series * t - 0.157427185f;
        series = series * t + 0.306300915f;
        series = series * t - 0.496977802f;
        series = series * t + 0.999943278f;
    } else {
        series = all(-0.00853920592f);
        series = series * t + 0.0440896225f;
        series = series * t - 0.1076817f;
        series = series * t + 0.177452406f;
        series = series * t - 0.244954625f;
        series = series * t + 0.332754797f;
        series = series * t - 0.499974054f;
        series = series * t + 0.999999806f;
    }
    return series * t;
}

/* 1 / x for positive x, rounded, or within 1e-4 where that is fine enough. */
INLINE floats reciprocal(floats x, const int coarse) {
#if defined(__AVX512F__) && LANES == 16
    floats close = (floats)_mm512_rcp14_ps((__m512)x);
    return coarse ? close : close * (2.0f - x * close);
#else
    (void)coarse;
    return 1.0f / x;
#endif
}

/* The sum over all lanes, halves upon halves. */
INLINE float sum_of(floats value) {
    float lanes[LANES];
    memcpy(lanes, &value, sizeof value);
#if LANES >= 16
    typedef float eight __attribute__((vector_size(32)));
    eight low8, high8;
    memcpy(&low8, lanes, 32);
    memcpy(&high8, lanes + 8, 32);
    low8 += high8;
    memcpy(lanes, &low8, 32);
#endif
#if LANES >= 8
    typedef float four __attribute__((vector_size(16)));
    four low4, high4;
    memcpy(&low4, lanes, 16);
    memcpy(&high4, lanes + 4, 16);
    low4 += high4;
    memcpy(lanes, &low4, 16);
#endif
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

/* The largest of all lanes. */
INLINE float largest_of(floats value) {
#if defined(__AVX512F__) && LANES == 16
    return _mm512_reduce_max_ps((__m512)value);
#else
    float largest = value[0];
    UNROLLED for (int lane = 1; lane < LANES; lane++) largest = value[lane] > largest ? value[lane] : largest;
    return largest;
#endif
}

/* The lower or the upper halves of two vectors, number by number in turn. */
#if defined(__clang__)
#if LANES == 16
#define LOWER(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define UPPER(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif LANES == 8
#define LOWER(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define UPPER(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define LOWER(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define UPPER(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif
#else
#if LANES == 16
#define LOWER(a, b) __builtin_shuffle(a, b, (ints){0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23})
#define UPPER(a, b) __builtin_shuffle(a, b, (ints){8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31})
#elif LANES == 8
#define LOWER(a, b) __builtin_shuffle(a, b, (ints){0, 8, 1, 9, 2, 10, 3, 11})
#define UPPER(a, b) __builtin_shuffle(a, b, (ints){4, 12, 5, 13, 6, 14, 7, 15})
#else
#define LOWER(a, b) __builtin_shuffle(a, b, (ints){0, 4, 1, 5})
#define UPPER(a, b) __builtin_shuffle(a, b, (ints){2, 6, 3, 7})
#endif
#endif

/* LANES vectors as rows of a square, turned into its columns: each round deals the two halves of the rows out in turn. */
INLINE void transpose(floats *rows) {
    UNROLLED for (int round = 1; round < LANES; round *= 2) {
        floats dealt[LANES];
        UNROLLED for (int i = 0; i < LANES / 2; i++) {
            dealt[2 * i] = LOWER(rows[i], rows[i + LANES / 2]);
            dealt[2 * i + 1] = UPPER(rows[i], rows[i + LANES / 2]);
        }
        UNROLLED for (int i = 0; i < LANES; i++) rows[i] = dealt[i];
    }
}

INLINE floats load(const float *from) {
    floats value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE void store(float *to, floats value) {
    memcpy(to, &value, sizeof value);
}

#endif
