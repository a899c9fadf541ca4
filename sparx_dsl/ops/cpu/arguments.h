/* What the functions of this library are called with; `library.py` has the same structures, field by field. */
#ifndef SPARX_ARGUMENTS_H
#define SPARX_ARGUMENTS_H

/* Goes up with every change of what follows, so that a library of other sources is told apart. */
#define LAYOUT 8

/* Activations (x, projected, y and their derivatives) are of `kind`, all else float32; all is contiguous. The y of SS2D, of a
 * depthwise convolution and of a norm may be its x.
 *
 * Shapes: x, y (batch, height, width, channels); projected (batch, height, width, 4, rank + 2·states); weight
 * (4, rank, channels); rate (4, states, channels); bias, skip (4, channels). Derivatives are written, not added to,
 * and are shaped as what they belong to, but for d_weight (4, channels, rank) and d_rate (4, channels, states).
 */
typedef struct {
    long batch, channels, height, width, rank, states, kind, threads;
    const void *x, *projected;
    const float *weight, *bias, *rate, *skip;
    void *y;
    const void *gradient;
    void *dx, *d_projected;
    float *d_weight, *d_bias, *d_rate, *d_skip;
} SS2D;

/* A tensor of any strides: how many elements lie between neighbouring samples, positions and channels. Channels or positions
 * are neighbours in memory: the stride of one of the two is 1.
 */
typedef struct {
    const void *data;
    long sample, position, channel;
} Strided;

/* Shapes: u, delta, gradient, of any strides, and y (batch, length, channels), of `kind`; into and out (batch, groups, states,
 * length), of `kind`; rate (channels, states); bias, skip (channels), zeros where the scan has none. Derivatives as above.
 */
typedef struct {
    long batch, channels, length, groups, states, softplus, kind, threads;
    Strided u, delta, gradient;
    const void *into, *out;
    const float *rate, *bias, *skip;
    void *y;
    void *du, *d_delta, *d_into, *d_out;
    float *d_rate, *d_bias, *d_skip;
} Scan;

/* The weights of a depthwise convolution are filled up with zeros to a multiple of this many channels. */
#define CHANNELS_TOGETHER 16

/* Shapes: x, y (batch, height, width, channels), of `kind`; weight (kernel, kernel, channels) and bias (channels), with
 * the channels filled up. The kernel is 3, 5 or 7; the activation 0 for none, 1 for GELU, 2 for SiLU.
 */
typedef struct {
    long batch, channels, height, width, kernel, activation, kind, threads;
    const void *x;
    const float *weight, *bias;
    void *y;
} Depthwise;

/* Channels that the result of a convolution has are worked on so many at a time. */
#define OUT_TOGETHER 16

/* Shapes: x (batch, height, width, channels), of whose neighbouring positions `apart` elements lie apart, y (batch, out_height,
 * out_width, out_channels) and bias (out_channels), which may be NULL, of `kind`; weight (out_channels / OUT_TOGETHER, rows,
 * columns, channels, OUT_TOGETHER), filled up with zeros. The stride lies between neighbouring windows, the padding around the
 * map. The activation as above.
 */
typedef struct {
    long batch, channels, height, width, apart, out_channels, out_height, out_width, rows, columns;
    long stride_y, stride_x, padding_y, padding_x, activation, kind, threads;
    const void *x;
    const float *weight;
    const void *bias;
    void *y;
} Convolution;

/* Shapes: x, y, gradient, dx (batch, channels, height, width); weight, d_weight (channels, kernel, kernel); bias, d_bias
 * (channels); all float32. The kernel is 3, 5 or 7. Derivatives are written, not added to.
 */
typedef struct {
    long batch, channels, height, width, kernel, threads;
    const float *x, *weight, *bias;
    float *y;
    const float *gradient;
    float *dx, *d_weight, *d_bias;
} Planes;

/* Shapes: x, y (batch, positions, channels), of `kind`; weight, bias (channels). */
typedef struct {
    long batch, channels, positions, kind, threads;
    double epsilon;
    const void *x;
    const float *weight, *bias;
    void *y;
} GroupNorm;

/* Scores of windows are filled up to a multiple of this many places. */
#define PLACES_TOGETHER 16

/* Shapes: x (batch, height, width, 3, heads, channels / 3 / heads), query, key and value, and y (batch, height, width, heads,
 * channels / 3 / heads), of `kind`; bias (heads, window², window², the last filled up). The shift is less than the window.
 */
typedef struct {
    long batch, channels, height, width, heads, window, shift, kind, threads;
    const void *x;
    const float *bias;
    void *y;
} WindowAttention;

/* Shapes: query, key (batch, reduced, channels); value, own (batch, positions, channels), of `kind`. Without own, which is
 * NULL then, y is shaped as the value; with it (batch, positions, 3·channels). The groups divide the channels.
 */
typedef struct {
    long batch, channels, positions, reduced, groups, kind, threads;
    const void *query, *key, *value, *own;
    void *y;
} ChannelAttention;

#endif
