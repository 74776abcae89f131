/* nn: level 2. Networks: described node by node, planned (shapes, operators,
 * memory), bound (arenas; nothing allocates afterwards), stepped. Optimisers,
 * schedules, EMA, safetensors and checkpoints. May include base/, flow/, tensor/.
 * Start with graph.c, then plan.c. Knows no particular network: those live with
 * their craft (face/, make/).
 */
#ifndef LK_NN_H
#define LK_NN_H

#include "tensor/tensor.h"
#include "flow/flow.h"

/* --- parameters: named, shared between networks (the training net and the
 * rendering net of a swap model read the same set) -------------------------- */

typedef struct lk_param {
    char name[64];
    lk_shape shape; /* n,h,w,c = out,kh,kw,in for weights; c for vectors */
    int64_t count;
    bool learned;
    bool frozen;                       /* the optimiser leaves it alone and no gradient is computed */
    float lr_scale;                    /* times the schedule's rate, default 1 */
    float *value, *grad, *m, *v, *ema; /* f32; grad,m,v,ema NULL until lk_params_train; owned by the set */
} lk_param;

typedef struct lk_params lk_params;
lk_status lk_params_new(lk_params **out, lk_error *err);
void lk_params_free(lk_params *p);
int lk_params_count(const lk_params *p);
lk_param *lk_params_at(lk_params *p, int i);
lk_param *lk_params_find(lk_params *p, const char *name); /* NULL when absent */
/* Allocate gradients, optimiser moments and (if ema) averaged weights for all parameters there are: call it
 * after the nets are planned and again when a net with new parameters is planned later. Values move to one
 * block: pointers read from lk_param before are void afterwards. */
lk_status lk_params_train(lk_params *p, bool ema, lk_error *err);
void lk_params_zero_grad(lk_params *p);
void lk_params_freeze(lk_params *p, const char *prefix, bool frozen);
/* Swap value and ema (for validation and export); call again to swap back. Refresh the nets after each. */
void lk_params_swap_ema(lk_params *p);
/* Say that values were written by hand. Only frozen parameters need it: refresh skips those that nothing
 * touched. */
void lk_params_touch(lk_params *p);

/* --- network ------------------------------------------------------------------ */

typedef struct lk_net lk_net;
typedef int lk_node; /* >= 0; negative after a describing error, which lk_net_plan reports */

/* params may be shared between nets and must outlive them. Same name = same parameter; shapes must agree. */
lk_status lk_net_new(lk_net **out, const char *name, lk_params *params, lk_backend backend, lk_dtype type,
                     lk_error *err);
void lk_net_free(lk_net *net);
/* Input of f32 samples; fed into the net's type inside. wants_grad: lk_net_in_grad is wanted there (GANs). */
lk_node lk_net_input(lk_net *net, lk_shape shape, bool wants_grad);
/* The general form; name is the parameter prefix ("enc.conv1" -> enc.conv1.weight, .bias). */
lk_node lk_net_op(lk_net *net, const char *name, lk_op_kind kind, const lk_op_attr *attr, const lk_node *in,
                  int inputs);
/* Short forms. conv: pad = kernel/2, bias. */
lk_node lk_net_conv(lk_net *net, const char *name, lk_node x, int out_c, int kernel, int stride, lk_act act,
                    float slope);
lk_node lk_net_dwconv(lk_net *net, const char *name, lk_node x, int kernel, int stride, lk_act act,
                      float slope);
lk_node lk_net_dense(lk_net *net, const char *name, lk_node x, int units, lk_act act, float slope);
lk_node lk_net_add(lk_net *net, lk_node a, lk_node b, lk_act act, float slope);
lk_node lk_net_concat(lk_net *net, const lk_node *in, int inputs);
lk_node lk_net_shuffle(lk_net *net, lk_node x, int factor);
lk_node lk_net_slice(lk_net *net, lk_node x, int from, int count);
lk_node lk_net_reshape(lk_net *net, lk_node x, int h, int w, int c);
/* Mark a node as an output: its value is available as f32 after forward, its f32 gradient is taken by
 * backward. */
void lk_net_output(lk_net *net, lk_node x, const char *name);

/* Initialisation of parameters that have no value yet: He-uniform with the fused activation's gain
 * (zero bias; norms 1/0), keyed by (seed, name), so that adding a layer changes no other. */
lk_status lk_net_plan(lk_net *net, bool train, uint64_t seed, lk_error *err);
/* What lk_net_bind will take, known after planning. Parameters shared with another net count in both. */
typedef struct lk_net_stats {
    size_t
        param_bytes; /* values (training: gradient and two moments too; not the average) and packed copies */
    size_t
        activation_bytes; /* one arena for activations, gradients, inputs and outputs, shared by lifetime */
    size_t scratch_bytes;
    double flops_forward; /* for the whole batch */
    int64_t param_count;
} lk_net_stats;
void lk_net_stats_get(const lk_net *net, lk_net_stats *out);
/* Human-readable table of nodes: name, shapes, parameters, GFLOP. */
void lk_net_describe(const lk_net *net, lk_text *out);
lk_status lk_net_bind(lk_net *net, lk_error *err); /* takes all memory; afterwards nothing allocates */
/* Call after parameter values changed (an optimiser step, a load). */
void lk_net_refresh(lk_net *net);
/* f32 views owned by the net: write inputs, read outputs, write output gradients, read input gradients. */
lk_tensor *lk_net_in(lk_net *net, lk_node input);
const lk_tensor *lk_net_out(lk_net *net, const char *name);
lk_tensor *lk_net_out_grad(lk_net *net, const char *name);
const lk_tensor *lk_net_in_grad(lk_net *net, lk_node input);
void lk_net_forward(lk_net *net);
/* Accumulates into the parameters' grad. param_grads false: only input gradients (the generator's pass
 * through a discriminator). Needs an lk_net_forward of its own each time: gradients take the place of spent
 * activations. */
void lk_net_backward(lk_net *net, bool param_grads);
void lk_net_zero_out_grads(lk_net *net);

/* --- optimisation --------------------------------------------------------------- */

typedef enum lk_optim_kind { LK_OPTIM_ADAM, LK_OPTIM_ADABELIEF, LK_OPTIM_SGD, LK_OPTIM_KINDS } lk_optim_kind;
typedef struct lk_optim {
    lk_optim_kind kind;
    float lr, beta1, beta2, epsilon, weight_decay; /* decay is decoupled (AdamW) */
    float clip_norm;                               /* global gradient norm, 0 = off */
    float ema_decay;                               /* 0 = off; warm-up min(decay, (1+t)/(10+t)) */
    int64_t t;                                     /* steps taken */
} lk_optim;
lk_optim lk_optim_default(lk_optim_kind kind); /* Adam 2e-4 .9 .999 1e-8; AdaBelief eps 1e-16 */
/* One fused pass per parameter. Returns the gradient norm before clipping; when it is not finite nothing is
 * changed. */
double lk_optim_step(lk_optim *o, lk_params *p);
/* Linear warm-up, then constant, then cosine to zero over the last `decay` steps of `total`. Returns a
 * factor. */
float lk_schedule_factor(int64_t step, int64_t warmup, int64_t total, int64_t decay);

/* --- safetensors and checkpoints ------------------------------------------------ */

typedef struct lk_named_tensor {
    char name[128];
    char dtype[8]; /* F32 BF16 F16 U8 I32 I64 */
    int rank;
    int64_t dim[8];
    const void *data;
    size_t bytes;
} lk_named_tensor;
/* Write atomically. metadata_json is a flat JSON object of strings ("" for none); the SHA-256 of the tensor
 * data is added as "data_sha256", that of the header (its own digits taken as zeros) as "header_sha256". */
lk_status lk_safetensors_write(const char *path, const lk_named_tensor *t, int count,
                               const char *metadata_json, lk_error *err);
typedef struct lk_safetensors lk_safetensors;
/* Bounds-checked; verifies both hashes when present. A tensor's data may be unaligned. Limits: header 16
 * MiB, 65536 tensors. */
lk_status lk_safetensors_open(const char *path, lk_safetensors **out, lk_error *err);
/* The same from memory; copies. */
lk_status lk_safetensors_parse(const void *data, size_t n, lk_safetensors **out, lk_error *err);
/* The same through somebody else's container. A sink is given the whole file's bytes in order, in pieces: begin first,
 * with their number and the SHA-256 of the tensors' data. A source hands out exactly the n bytes that are asked for;
 * what names it in errors, size is what it holds. */
typedef struct lk_sink {
    void *user;
    lk_status (*begin)(void *user, uint64_t bytes, const lk_hash *data, lk_error *err);
    lk_status (*put)(void *user, const void *data, size_t n, lk_error *err);
} lk_sink;
typedef struct lk_source {
    void *user;
    const char *what;
    uint64_t size;
    lk_status (*get)(void *user, void *to, size_t n, lk_error *err);
} lk_source;
lk_status lk_safetensors_put(const lk_sink *to, const char *what, const lk_named_tensor *t, int count,
                             const char *metadata_json, lk_error *err);
lk_status lk_safetensors_get(const lk_source *from, lk_safetensors **out, lk_error *err);
void lk_safetensors_close(lk_safetensors *st);
int lk_safetensors_count(const lk_safetensors *st);
const lk_named_tensor *lk_safetensors_at(const lk_safetensors *st, int i);
const lk_named_tensor *lk_safetensors_find(const lk_safetensors *st, const char *name);
const char *lk_safetensors_what(const lk_safetensors *st); /* the file's path, or what its source is called; lives with st */
const char *lk_safetensors_meta(const lk_safetensors *st, const char *key); /* NULL when absent */

typedef enum lk_load_mode {
    LK_LOAD_EXACT,   /* every parameter must be there with its shape; otherwise nothing is changed */
    LK_LOAD_MATCHING /* take what fits, count it */
} lk_load_mode;
/* Weights only, for shipping: dtype LK_BF16 halves the file. use_ema: write averaged weights. */
lk_status lk_params_save(lk_params *p, const char *path, lk_dtype dtype, bool use_ema,
                         const char *metadata_json, lk_error *err);
/* F32, BF16 or F16 on disk. prefix_from/prefix_to rename ("dec." -> "src." starts one decoder from the
 * base's); NULL = none. */
lk_status lk_params_load(lk_params *p, const lk_safetensors *st, lk_load_mode mode, const char *prefix_from,
                         const char *prefix_to, int *loaded, lk_error *err);

/* One checkpoint file = several parameter sets with moments and EMA, optimiser counters, cursor, config. */
typedef struct lk_checkpoint_part {
    const char *name;
    lk_params *params;
    lk_optim *optim;
} lk_checkpoint_part;
/* state_json: free-form JSON text (cursor, config, seed, data fingerprint), returned on load. keep: how many
 * generations stay (PATH.1 is the one before PATH...). */
lk_status lk_checkpoint_save(const char *path, const lk_checkpoint_part *parts, int count,
                             const char *state_json, int keep, lk_error *err);
/* A damaged file is LK_E_FORMAT and names the newest older generation that is whole; nothing is replaced
 * silently. */
lk_status lk_checkpoint_load(const char *path, const lk_checkpoint_part *parts, int count, char **state_json,
                             lk_error *err);
/* The same where files are kept in a container: the sink is that of a new file at the checkpoint's path; finish gives it
 * back whole and on the disk, for publishing, or (out NULL) drops it; open reads any generation. */
typedef struct lk_vault {
    lk_sink sink;
    lk_status (*finish)(void *user, lk_draft *out, lk_error *err);
    lk_status (*open)(void *user, const char *path, lk_safetensors **out, lk_error *err);
} lk_vault;
lk_status lk_checkpoint_save_in(const lk_vault *v, const char *path, const lk_checkpoint_part *parts, int count,
                                const char *state_json, int keep, lk_error *err);
lk_status lk_checkpoint_load_from(const lk_vault *v, const char *path, const lk_checkpoint_part *parts, int count,
                                  char **state_json, lk_error *err);

#endif
