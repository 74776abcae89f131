/* eval.h: how fast the index is, and what the registry finds of clips after what people do to them. */
#ifndef LK_COPIES_EVAL_H
#define LK_COPIES_EVAL_H

#include "flow/flow.h"
#include "mark/copies/copies.h"

typedef lk_status (*lk_copies_row_fn)(void *user, const char *what, const char *figure, double value, const char *unit, const char *target,
                                      lk_error *err);
/* Random hashes and planted near ones: build, query, scan, load, recall. dir: an existing folder for a database, emptied. */
lk_status lk_copies_eval_index(const char *dir, int64_t hashes, lk_copies_row_fn row, void *user, lk_error *err);
/* Every clip is registered in DIR, then looked for by its edits. Clips of one group show the same performance. */
typedef struct lk_copies_eval_clip { char path[1024], group[64]; } lk_copies_eval_clip;
lk_status lk_copies_eval_clips(const char *dir, const lk_copies_eval_clip *clips, int count, lk_copies_row_fn row, void *user,
                               const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);

#endif
