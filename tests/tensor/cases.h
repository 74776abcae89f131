/* cases.h: the one table of operator cases. Agreement, gradients, guards,
 * determinism and fault tests all walk it, and the bench times its own. */
#ifndef LK_TESTS_TENSOR_CASES_H
#define LK_TESTS_TENSOR_CASES_H

#include "tensor/tensor.h"

typedef struct op_case {
    const char *name;
    lk_op_kind kind;
    lk_op_attr attr;
    int inputs;
    lk_shape in[LK_OP_MAX_INPUTS];
    double range; /* inputs are uniform in -range..range; 0 means 1 */
    double floor; /* agreement is judged against at least this root mean square; for saturated functions */
    bool kinked;  /* the function has corners: a finite difference across one is skipped, and counted */
    bool slow;    /* too large for the finite differences of the reference */
} op_case;

extern const op_case op_cases[];
extern const int op_case_count;

#endif
