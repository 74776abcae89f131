/* run.h: one operator with all its buffers, each between guard bytes. */
#ifndef LK_TESTS_TENSOR_RUN_H
#define LK_TESTS_TENSOR_RUN_H

#include "cases.h"

typedef struct op_run {
    lk_op *op;
    const lk_op_info *info;
    lk_op_desc desc;
    lk_tensor in[LK_OP_MAX_INPUTS], din[LK_OP_MAX_INPUTS], out, dout;
    float *param[LK_OP_MAX_PARAMS], *dparam[LK_OP_MAX_PARAMS];
    lk_op_memory mem;
} op_run;

/* Inputs, parameters and the output's gradient are drawn from the seed, the same for every backend; values
 * are representable in bf16, so that packing the weights loses nothing. */
lk_status run_open(op_run *r, const op_case *c, lk_backend backend, lk_dtype type, bool train, uint64_t seed,
                   lk_error *err);
void run_forward(op_run *r);
/* want_params false: NULL for all parameter gradients. Input gradient k is asked for when bit k of inputs is
 * set. */
void run_backward(op_run *r, bool want_params, unsigned inputs);
/* Number of buffers with a damaged guard. */
int run_guards_broken(const op_run *r);
void run_close(op_run *r);

/* Sum (a-b)^2 / sum b^2, where b counts as having at least the root mean square `floor`. */
double nmse(const lk_tensor *a, const lk_tensor *b, double floor);
float tensor_get(const lk_tensor *t, int64_t i);

#endif
