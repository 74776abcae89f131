/* nn/internal.h: the shape of a network between its files. graph.c describes
 * (nodes), plan.c opens operators and finds parameters, gradplan.c writes the
 * backward program, memory.c places every buffer in one arena by lifetime, run.c
 * executes. Nothing outside nn/ includes this file.
 *
 * Words. A node is one operator or input. A *value* is memory that a node writes;
 * views (slice, reshape) write none: they name a range of samples of the value
 * of their root node. Gradients follow values: one gradient buffer per root, and
 * every consumer of the root or of a view of it contributes to a range of samples.
 */
#ifndef LK_NN_INTERNAL_H
#define LK_NN_INTERNAL_H

#include "nn/nn.h"

#define LK_ALIGN64(n) (((n) + 63) & ~(size_t)63)

/* --- parameters ---------------------------------------------------------------- */

#define LK_PARAM_CHUNK 32768 /* elements that one thread updates at a time; norms are summed per chunk */

typedef struct lk_param_chunk {
    int param;
    int64_t from, count;
} lk_param_chunk;

struct lk_params {
    lk_param **list;   /* pointers, so that an lk_param never moves */
    uint64_t *version; /* grows when the library writes a value; lk_net_refresh skips frozen unchanged ones */
    int count, cap;
    void **blocks; /* memory that the parameters point into */
    int block_count, block_cap;
    lk_param_chunk *chunks;
    double *chunk_norm;
    int chunk_count;
    bool swapped; /* value and ema are exchanged */
};

/* The parameter of that name, created without a value when absent. LK_E_ARG when shape or kind disagree. */
lk_status lk_params_claim(lk_params *p, const char *name, lk_shape shape, bool learned, int *index,
                          lk_error *err);
/* Give a parameter without a value zeroed memory. */
lk_status lk_params_give_value(lk_params *p, int index, lk_error *err);
void lk_params_touch_at(lk_params *p, int index);
/* Fill with the start value that its place in the operator asks for (init.c). */
void lk_param_initialise(lk_param *prm, lk_op_kind kind, int place, const lk_op_attr *attr, uint64_t seed);
const char *lk_param_place_name(lk_op_kind kind, int place); /* "weight", "bias", "scale"... */

/* --- network -------------------------------------------------------------------- */

/* One stretch of memory and the steps during which it must hold its content. */
typedef struct lk_buffer {
    size_t bytes, offset;
    int first, last;
} lk_buffer;
#define LK_BUFFER_NONE (-1)

/* A tensor inside a buffer; data is filled in by lk_net_bind. */
typedef struct lk_slot {
    lk_tensor t;
    int buffer;
    size_t at;
} lk_slot;

typedef struct lk_net_node {
    bool is_input, wants_grad;
    lk_op_kind kind;
    lk_op_attr attr;
    char name[48];
    int in[LK_OP_MAX_INPUTS], inputs;
    lk_shape shape; /* of the output; known after planning */
    lk_dtype type;
    lk_op *op;
    const lk_op_info *info;
    int param[LK_OP_MAX_PARAMS]; /* indices into the set */
    uint64_t packed_version[LK_OP_MAX_PARAMS];
    int root, from;    /* whose value this is, and from which sample of it */
    lk_slot value;     /* bound tensor of the output */
    lk_slot user;      /* inputs of a bf16 net: the f32 tensor that the caller writes */
    lk_slot user_grad; /* inputs with wants_grad: what the caller reads */
    int saved;         /* buffer of info->saved_bytes, or none */
    size_t packed_at;
    bool packed; /* lk_op_pack has run at least once */
    /* backward */
    bool carries_grad; /* roots: an unfrozen parameter or wanted input can be reached */
    int grad;          /* roots: gradient buffer, or none */
    int contributions; /* roots: how many gradients meet here */
    lk_slot dout;
    lk_slot din[LK_OP_MAX_INPUTS]; /* buffer none: not wanted */
    bool wanted;                   /* roots: as carries_grad, for the backward that runs now */
} lk_net_node;

typedef struct lk_net_output_entry {
    char name[48];
    int node;
    lk_slot value, grad;
} lk_net_output_entry;

typedef enum lk_back_kind { LK_BACK_OP, LK_BACK_ADD, LK_BACK_CONVERT, LK_BACK_ZERO } lk_back_kind;
/* One step of the backward program; skipped when the root it serves is not wanted. */
typedef struct lk_back_step {
    lk_back_kind kind;
    int node; /* the operator, or the root whose gradient dst is */
    lk_slot dst, src;
} lk_back_step;

struct lk_net {
    char name[48];
    lk_params *params;
    lk_backend backend;
    lk_dtype type;
    lk_status failed; /* first describing error */
    lk_error failure;
    bool planned, bound, train;
    bool fresh; /* a forward has run since the last backward */
    lk_net_node *nodes;
    int count, cap;
    lk_net_output_entry *outputs;
    int output_count, output_cap;
    lk_buffer *buffers;
    int buffer_count, buffer_cap;
    lk_back_step *steps;
    int step_count, step_cap;
    size_t arena_bytes, scratch_bytes, packed_bytes;
    double flops;
    uint8_t *arena, *scratch, *packed;
};

/* Step numbers on one axis: inputs 0, node i forward i + 1, its backward 2 * count + 1 - i. */
static inline int lk_time_forward(int node) { return node + 1; }
static inline int lk_time_backward(const lk_net *net, int node) { return 2 * net->count + 1 - node; }
static inline int lk_time_end(const lk_net *net) { return 2 * net->count + 2; }

lk_status lk_net_add_buffer(lk_net *net, size_t bytes, int first, int last, int *index, lk_error *err);
void lk_net_keep(lk_net *net, int buffer, int time);        /* extend its life to time */
lk_status lk_net_place_buffers(lk_net *net, lk_error *err); /* offsets and arena_bytes (memory.c) */
lk_status lk_net_plan_backward(lk_net *net, lk_error *err); /* gradplan.c */
/* Pieces of a forward or backward pass, for timing them one by one. The second needs an lk_net_backward
 * before. */
void lk_net_forward_range(lk_net *net, int from, int to);
void lk_net_backward_range(lk_net *net, bool param_grads, int from, int to);
/* Zeroed memory for large arrays, lk_free; NULL when there is none. */
void *lk_alloc_pages(size_t bytes);
/* Grow an array so that one more element fits. */
lk_status lk_grow(void **array, int *cap, int count, size_t size, lk_error *err);

#endif
