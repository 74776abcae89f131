/* sheet.h: the contact sheet of a swap: source, destination and result side by side. */
#ifndef LK_STUDIO_SHEET_H
#define LK_STUDIO_SHEET_H

#include "dataset/dataset.h"
#include "studio/studio.h"

#define LK_SHEET_MOMENTS 4
typedef struct lk_sheet lk_sheet;
/* moments: frame numbers, rising. */
lk_status lk_sheet_open(const int64_t *moments, int count, lk_sheet **out, lk_error *err);
void lk_sheet_close(lk_sheet **s);
/* Keeps the pictures when frame is one of the moments. */
lk_status lk_sheet_take(lk_sheet *s, int64_t frame, const lk_frame *before, const lk_frame *after, lk_error *err);
/* source may be NULL: then the sheet has two columns. Leaves through mark/. */
lk_status lk_sheet_write(lk_sheet *s, const lk_dataset *source, const char *path, const lk_mark_origin *origin, lk_error *err);

/* A sheet or preview on its way out through mark/: its label stands in rows added below, so that it covers no cell. */
lk_status lk_sheet_mark(const char *path, const lk_image *sheet, const lk_mark_origin *origin, lk_error *err);

#endif
