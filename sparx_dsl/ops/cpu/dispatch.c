/* Which set of instructions this machine has, found when it is asked, and the kernels compiled for it. */
#include "arguments.h"

#define EXPORTED __attribute__((visibility("default")))

#define DECLARE(set)                          \
    int ss2d_forward_##set(const SS2D *);     \
    int ss2d_backward_##set(const SS2D *);    \
    int scan_forward_##set(const Scan *);     \
    int scan_backward_##set(const Scan *);

DECLARE(plain)
#if defined(__x86_64__) && defined(WIDE_SETS)
DECLARE(avx2)
DECLARE(avx512)
#endif

enum { PLAIN, AVX2, AVX512 };

/* By which layout of arguments this library was compiled. */
EXPORTED int sparx_layout(void) {
    return LAYOUT;
}

/* The best set that this machine has: 0 plain, 1 AVX2 with FMA, 2 AVX-512. */
EXPORTED int sparx_instruction_set(void) {
#if defined(__x86_64__) && defined(WIDE_SETS)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return AVX2;
#endif
    return PLAIN;
}

#if defined(__x86_64__) && defined(WIDE_SETS)
#define DEFINE(name, type)                                \
    EXPORTED int sparx_##name(const type *a, int set) {            \
        if (set == AVX512) return name##_avx512(a);       \
        if (set == AVX2) return name##_avx2(a);           \
        return name##_plain(a);                           \
    }
#else
#define DEFINE(name, type)                                \
    EXPORTED int sparx_##name(const type *a, int set) {            \
        (void)set;                                        \
        return name##_plain(a);                           \
    }
#endif

DEFINE(ss2d_forward, SS2D)
DEFINE(ss2d_backward, SS2D)
DEFINE(scan_forward, Scan)
DEFINE(scan_backward, Scan)
