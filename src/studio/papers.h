/* papers.h: files of consent that travel: requests, answers, proofs, checkpoints. */
#ifndef LK_STUDIO_PAPERS_H
#define LK_STUDIO_PAPERS_H

#include "consent/log.h"
#include "likeness/consent.h"

enum { LK_PAPER_MOST = 1 << 20 }; /* bytes; no such file is longer */

/* A text as a file (whole or not at all), or line by line when file is NULL. */
lk_status lk_paper_deliver(const lk_text *t, const char *file, unsigned mode, lk_line_fn out, void *user, lk_error *err);
lk_status lk_paper_checkpoint(const char *file, lk_checkpoint *out, lk_error *err);

#endif
