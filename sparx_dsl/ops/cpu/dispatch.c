/* Which set of instructions this machine has, found when it is asked, and the kernels compiled for it. */
#include "arguments.h"

#define EXPORTED __attribute__((visibility("default")))

#define DECLARE(set)                          \
    int ss2d_forward_##set(const SS2D *);     \
    int ss2d_backward_##set(const SS2D *);    \
    int scan_forward_##set(const Scan *);     \
    int scan_backward_##set(const Scan *);    \
    int convolution_##set(const Convolution *); \
    int depthwise_##set(const Depthwise *);   \
    int group_norm_##set(const GroupNorm *);  \
    int window_attention_##set(const WindowAttention *); \
    int channel_attention_##set(const ChannelAttention *); \
    int planes_forward_##set(const Planes *); \
    int planes_backward_##set(const Planes *);

DECLARE(plain)
#if defined(__x86_64__) && defined(WIDE_SETS)
DECLARE(avx2)
DECLARE(avx512)
#if defined(HALF_SET)
DECLARE(avx512bf16)
#endif
#endif

enum { PLAIN, AVX2, AVX512, AVX512BF16 };

/* By which layout of arguments this library was compiled. */
EXPORTED int sparx_layout(void) {
    return LAYOUT;
}

/* The best set that this machine has: 0 plain, 1 AVX2 with FMA, 2 AVX-512, 3 that with products of bfloat16. */
EXPORTED int sparx_instruction_set(void) {
#if defined(__x86_64__) && defined(WIDE_SETS)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
#if defined(HALF_SET)
        if (__builtin_cpu_supports("avx512bf16")) return AVX512BF16;
#endif
        return AVX512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return AVX2;
#endif
    return PLAIN;
}

#if defined(__x86_64__) && defined(WIDE_SETS) && defined(HALF_SET)
#define WIDEST(name) \
    if (set == AVX512BF16) return name##_avx512bf16(a)
#else
#define WIDEST(name) (void)set
#endif
#if defined(__x86_64__) && defined(WIDE_SETS)
#define WIDE(name)                              \
    if (set == AVX512) return name##_avx512(a); \
    if (set == AVX2) return name##_avx2(a)
#else
#define WIDE(name) (void)set
#endif

#define DEFINE(name, type)                              \
    EXPORTED int sparx_##name(const type *a, int set) { \
        WIDEST(name);                                   \
        WIDE(name);                                     \
        return name##_plain(a);                         \
    }

DEFINE(ss2d_forward, SS2D)
DEFINE(ss2d_backward, SS2D)
DEFINE(scan_forward, Scan)
DEFINE(scan_backward, Scan)
DEFINE(convolution, Convolution)
DEFINE(depthwise, Depthwise)
DEFINE(group_norm, GroupNorm)
DEFINE(window_attention, WindowAttention)
DEFINE(channel_attention, ChannelAttention)
DEFINE(planes_forward, Planes)
DEFINE(planes_backward, Planes)
