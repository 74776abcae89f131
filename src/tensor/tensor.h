/* tensor: level 1. Tensors and the operators of neural networks, each with a
 * plain C reference (ref/) and a fast implementation: dnn/ over oneDNN, the one
 * place that may include dnnl.h, for matrix products, and simd/, our own kernels,
 * for what memory bounds. Knows nothing of networks, people or files. May include
 * base/ and flow/. Start with the operator table in op.c; to add an operator
 * write one row there and one case in tests/tensor/cases.c.
 *
 * Layout: activations are dense and channels-last in memory. Shapes are written
 * (N,C,H,W) in comments, stored as n,h,w,c; a vector is h = w = 1.
 */
#ifndef LK_TENSOR_H
#define LK_TENSOR_H

#include "base/base.h"

typedef enum lk_dtype { LK_F32 = 0, LK_BF16 = 1 } lk_dtype;
typedef uint16_t lk_bf16;

typedef struct lk_shape { int n, h, w, c; } lk_shape;
typedef struct lk_tensor { lk_dtype type; lk_shape shape; void *data; } lk_tensor; /* never owns data */

static inline int64_t lk_shape_count(lk_shape s) { return (int64_t)s.n * s.h * s.w * s.c; }
static inline size_t lk_dtype_size(lk_dtype t) { return t == LK_F32 ? 4 : 2; }
static inline size_t lk_tensor_bytes(const lk_tensor *t) { return (size_t)lk_shape_count(t->shape) * lk_dtype_size(t->type); }
float lk_bf16_to_f32(lk_bf16 v);
lk_bf16 lk_bf16_from_f32(float v); /* round to nearest even; NaN stays NaN */
/* Copy with conversion between types; shapes must have the same count. Vectorised, threaded. */
void lk_tensor_convert(const lk_tensor *src, lk_tensor *dst);

/* --- operators -------------------------------------------------------------- */

typedef enum lk_op_kind {
    LK_OP_CONV,          /* 2-D convolution, any odd kernel, stride, zero pad, groups (1 or = channels); fused bias and activation. params: weight (out_c, kh, kw, in_c/groups), bias (out_c) */
    LK_OP_DENSE,         /* input flattened per sample in h,w,c order; output c = units; fused bias and activation. params: weight (units, in), bias (units) */
    LK_OP_ACT,           /* pointwise activation */
    LK_OP_PIXEL_SHUFFLE, /* (N, C*r*r, H, W) -> (N, C, H*r, W*r); channel order c*r*r + dy*r + dx, as PyTorch */
    LK_OP_RESIZE,        /* bilinear, half-pixel centres (align_corners = false), integer factor up (attr.factor) */
    LK_OP_AVG_POOL,      /* kernel = stride = attr.kernel */
    LK_OP_MAX_POOL,      /* kernel = stride = attr.kernel */
    LK_OP_GLOBAL_POOL,   /* mean over H, W -> (N, C, 1, 1) */
    LK_OP_ADD,           /* 2 inputs, same shape; fused activation */
    LK_OP_CONCAT,        /* 2 or more inputs along C */
    LK_OP_CHANNEL_NORM,  /* batch normalisation. params: scale, shift (learned), mean, var (running; not learned). Training uses batch statistics and updates the running ones (attr.momentum), inference uses the running ones */
    LK_OP_INSTANCE_NORM, /* per sample and channel over H,W. params: scale, shift */
    LK_OP_PIXEL_NORM,    /* x / sqrt(mean_{h,w,c}(x^2) + 1e-6), per sample (the code normalisation of df-u) */
    LK_OP_SLICE,         /* samples attr.from .. attr.from + attr.count - 1 of the batch; a view, no copy */
    LK_OP_RESHAPE,       /* per-sample reinterpretation to attr.h, attr.w, attr.c; a view, no copy */
    LK_OP_CAST,          /* to attr.type (f32 <-> bf16) */
    LK_OP_SCALE_ROWS,    /* 2 inputs: (N,C,H,W) times (N,C,1,1): squeeze-excite gates */
    LK_OP_L2_NORM,       /* per sample x / |x|: embeddings */
    LK_OP_KINDS
} lk_op_kind;

typedef enum lk_act { LK_ACT_NONE, LK_ACT_RELU, LK_ACT_LEAKY /* attr.slope */, LK_ACT_SIGMOID, LK_ACT_TANH, LK_ACT_SWISH } lk_act;

#define LK_OP_MAX_INPUTS 8
#define LK_OP_MAX_PARAMS 4

typedef struct lk_op_attr {
    int out_c, kernel, stride, pad, groups; /* CONV; DENSE uses out_c; pools use kernel */
    int factor;                             /* PIXEL_SHUFFLE, RESIZE */
    int h, w, c;                            /* RESHAPE */
    int from, count;                        /* SLICE */
    bool bias;                              /* CONV, DENSE */
    lk_act act; float slope;                /* fused or LK_OP_ACT */
    float momentum;                         /* CHANNEL_NORM */
    lk_dtype type;                          /* CAST */
} lk_op_attr;

typedef enum lk_backend { LK_BACKEND_REF, LK_BACKEND_DNN } lk_backend;

/* What an operator is to do, with shapes fixed. train: backward will be called. */
typedef struct lk_op_desc {
    lk_op_kind kind;
    lk_op_attr attr;
    int inputs;
    lk_shape in[LK_OP_MAX_INPUTS];
    lk_dtype type;   /* of inputs and output (CAST: of the input) */
    bool train;
} lk_op_desc;

/* What the planner needs to know of an opened operator. */
typedef struct lk_op_info {
    lk_shape out;
    lk_dtype out_type;
    int params;                           /* f32 masters, layout as listed at the kind */
    lk_shape param[LK_OP_MAX_PARAMS];     /* n,h,w,c = out,kh,kw,in for weights; c only for vectors */
    bool learned[LK_OP_MAX_PARAMS];
    bool view;                            /* output aliases input 0 (SLICE, RESHAPE): planner makes it so, of values
                                           * and of gradients; without aliasing forward and backward copy */
    size_t packed_bytes;  /* implementation's own copy of the weights (bf16, blocked), written by lk_op_pack */
    size_t saved_bytes;   /* written by forward, read by backward of the same step */
    size_t scratch_bytes; /* shared between all operators */
    double flops;         /* forward, 2 x multiply-add, for the whole batch; backward counts 2 x this; 0 for what is
                           * neither CONV nor DENSE */
    bool needs_input;     /* backward reads the forward inputs */
    bool needs_output;    /* backward reads the forward output */
} lk_op_info;

/* One operator is used by one thread at a time; it spreads its work over OpenMP's threads by itself. The same calls
 * on the same machine with the same number of threads give the same bytes. */
typedef struct lk_op lk_op;
/* Memory for one call; all 64-byte aligned. */
typedef struct lk_op_memory { void *packed, *saved, *scratch; } lk_op_memory;

lk_status lk_op_open(lk_backend backend, const lk_op_desc *desc, lk_op **out, lk_error *err);
const lk_op_info *lk_op_query(const lk_op *op);
void lk_op_close(lk_op **op);
/* Refresh mem.packed from the f32 masters; call after each parameter change. Uses mem.scratch. No-op when packed_bytes is 0. */
void lk_op_pack(lk_op *op, const float *const *params, const lk_op_memory *mem);
/* Nothing below allocates. params: f32 masters (CHANNEL_NORM updates params[2..3] when training). */
void lk_op_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params, const lk_op_memory *mem);
/* dout has the type of out; din[i] the type of in[i], may be NULL when not wanted, and is OVERWRITTEN;
 * dparams are f32 and are ACCUMULATED into (NULL entries: not wanted). out may be clobbered no more. */
void lk_op_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                    lk_tensor *const *din, float *const *params, float *const *dparams, const lk_op_memory *mem);

const char *lk_op_name(lk_op_kind kind);
/* acc += x, both of the same type and shape: gradients that meet at one node. */
void lk_tensor_accumulate(lk_tensor *acc, const lk_tensor *x);
void lk_tensor_fill(lk_tensor *t, float value);
/* bf16 arithmetic that is worth having (avx512_bf16 or amx). LIKENESS_DTYPE=f32|bf16 overrides.
 * (LIKENESS_SIMD=avx2|plain makes our own kernels use a lesser instruction set, to test or compare them.) */
bool lk_cpu_has_bf16(void);

/* --- losses: f32 in; each returns weight times the loss, and ADDS the gradient of that to grad (may be NULL).
 * All are means over the batch, so that a weight means the same at any batch size. ---- */

/* mean over samples of sum(mask * (x - y)^2) / (sum(mask) * C); mask (N,1,H,W) or NULL. An empty mask gives 0. */
double lk_loss_mse(const lk_tensor *x, const lk_tensor *y, const lk_tensor *mask, float weight, lk_tensor *grad);
double lk_loss_l1(const lk_tensor *x, const lk_tensor *y, const lk_tensor *mask, float weight, lk_tensor *grad);
/* (1 - SSIM) / 2 with a Gaussian window, valid positions only (Wang et al. 2004), on x*mask against y*mask when
 * a mask is given. data range 1. scratch: lk_loss_dssim_scratch bytes. window: 1..64, no larger than the picture. */
size_t lk_loss_dssim_scratch(lk_shape s, int window);
double lk_loss_dssim(const lk_tensor *x, const lk_tensor *y, const lk_tensor *mask, int window, float sigma,
                     float weight, lk_tensor *grad, void *scratch);
/* Binary cross entropy on logits, mean over elements of weights * loss; target (same shape) or, when NULL, the
 * constant label; weights (same shape) may be NULL. */
double lk_loss_bce(const lk_tensor *logits, const lk_tensor *target, float label, const lk_tensor *weights,
                   float weight, lk_tensor *grad);
/* Softmax cross entropy, mean over the samples that have a label; logits (N,C,1,1), labels[N], label < 0 is skipped. */
double lk_loss_softmax(const lk_tensor *logits, const int *labels, float weight, lk_tensor *grad);
/* Wing loss (Feng et al. 2018), mean over elements of weights * loss; weights may be NULL. */
double lk_loss_wing(const lk_tensor *x, const lk_tensor *y, const lk_tensor *weights, float w, float epsilon,
                    float weight, lk_tensor *grad);

#endif
