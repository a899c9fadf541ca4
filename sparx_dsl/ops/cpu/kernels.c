/* The kernels for one set of instructions: compiled once for each, with LANES and SET to match the flags. */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(name) JOIN(name, SET)

#include "channel_attention.h"
#include "convolution.h"
#include "depthwise.h"
#include "group_norm.h"
#include "planes.h"
#include "scan.h"
#include "scan_backward.h"
#include "ss2d.h"
#include "ss2d_backward.h"
#include "window_attention.h"
