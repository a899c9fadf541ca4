/* How threads share work: `images` that can be worked on one by one, each of `blocks` of LANES channels.
 *
 * Who does what depends on the number of threads alone, so that results are the same from run to run.
 */
#ifndef SPARX_SHARE_H
#define SPARX_SHARE_H

#ifdef _OPENMP
#include <omp.h>
#else
#define omp_get_thread_num() 0
#define omp_get_num_threads() 1
#endif

typedef struct {
    long first, last;
} Range;

/* The share of `part` when `whole` is cut into `parts`. */
static Range share_of(long whole, long part, long parts) {
    return (Range){whole * part / parts, whole * (part + 1) / parts};
}

/* Whether every thread takes whole images, rather than all of them blocks of the same one. */
static int image_by_image(long images, long threads) {
    return images >= threads && (images % threads == 0 || images >= 4 * threads);
}

#endif
