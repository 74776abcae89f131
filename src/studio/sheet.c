/* sheet.c: collects a few moments of a swap and lays them out. */
#include "studio/sheet.h"
#include "make/swap/swap.h"

enum { CELL_W = 480, CELL_H = 270 };

struct lk_sheet {
    int64_t moment[LK_SHEET_MOMENTS];
    int count, taken;
    lk_image before[LK_SHEET_MOMENTS], after[LK_SHEET_MOMENTS];
};

lk_status lk_sheet_open(const int64_t *moments, int count, lk_sheet **out, lk_error *err)
{
    *out = lk_calloc(1, sizeof **out);
    if (!*out) return LK_FAIL(err, LK_E_NOMEM, "no memory for the contact sheet");
    (*out)->count = LK_MIN(count, LK_SHEET_MOMENTS);
    for (int i = 0; i < (*out)->count; i++) (*out)->moment[i] = moments[i];
    return LK_OK;
}

void lk_sheet_close(lk_sheet **s)
{
    if (!*s) return;
    for (int i = 0; i < LK_SHEET_MOMENTS; i++) {
        lk_image_clear(&(*s)->before[i]);
        lk_image_clear(&(*s)->after[i]);
    }
    lk_free(*s);
    *s = NULL;
}

/* Pictures are kept at cell size, so that a 4K clip does not fill the memory. */
static lk_status keep(const lk_frame *f, lk_image *out, lk_error *err)
{
    lk_image whole = {0};
    LK_TRY(lk_frame_to_image(f, &whole, err));
    float scale = LK_MIN(1.0f, LK_MIN((float)CELL_W / (float)whole.w, (float)CELL_H / (float)whole.h));
    int w = LK_MAX(1, (int)((float)whole.w * scale + 0.5f)), h = LK_MAX(1, (int)((float)whole.h * scale + 0.5f));
    lk_status s = lk_image_new(w, h, 3, out, err);
    if (!s) lk_image_resize(&whole, out, LK_FILTER_AREA);
    lk_image_clear(&whole);
    return s;
}

lk_status lk_sheet_take(lk_sheet *s, int64_t frame, const lk_frame *before, const lk_frame *after, lk_error *err)
{
    if (s->taken >= s->count || s->moment[s->taken] != frame) return LK_OK;
    LK_TRY(keep(before, &s->before[s->taken], err));
    LK_TRY(keep(after, &s->after[s->taken], err));
    s->taken++;
    return LK_OK;
}

/* The source's sample that stands in row i. */
static lk_status source_picture(const lk_dataset *d, int i, int rows, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_new(LK_SAMPLE_SIZE, LK_SAMPLE_SIZE, 3, out, err));
    lk_sample sample = lk_dataset_at(d, (int)((int64_t)(2 * i + 1) * lk_dataset_count(d) / (2 * rows)));
    for (int k = 0; k < LK_SAMPLE_SIZE * LK_SAMPLE_SIZE * 3; k++) out->data[k] = (float)sample.rgb[k] / 255.0f;
    return LK_OK;
}

lk_status lk_sheet_mark(const char *path, const lk_image *sheet, const lk_mark_origin *origin, lk_error *err)
{
    static const float paper[3] = {0.11f, 0.11f, 0.12f}; /* the sheet's own */
    lk_image longer;
    LK_TRY(lk_image_new(sheet->w, sheet->h + lk_label_strip(sheet->w, sheet->h), sheet->c, &longer, err));
    lk_draw_fill(&longer, 0, (float)sheet->h, (float)longer.w, (float)longer.h, paper, 1);
    lk_draw_paste(&longer, sheet, 0, 0);
    lk_status s = lk_mark_still(path, &longer, true, LK_LABEL_BOTTOM_LEFT, origin, err);
    lk_image_clear(&longer);
    return s;
}

lk_status lk_sheet_write(lk_sheet *s, const lk_dataset *source, const char *path, const lk_mark_origin *origin, lk_error *err)
{
    static const char *const names[] = {"source", "destination", "result"};
    lk_image cells[LK_SHEET_MOMENTS * 3] = {0}, own[LK_SHEET_MOMENTS] = {0}, sheet = {0};
    int columns = source ? 3 : 2, k = 0;
    lk_status r = LK_OK;
    if (!s->taken) return LK_FAIL(err, LK_E_NOTFOUND, "no frame with the face was there for the contact sheet %s", path);
    for (int i = 0; i < s->taken; i++) {
        if (source) {
            if ((r = source_picture(source, i, s->taken, &own[i], err))) goto done;
            cells[k++] = own[i];
        }
        cells[k++] = s->before[i];
        cells[k++] = s->after[i];
    }
    r = lk_swap_contact_sheet(cells, s->taken, columns, CELL_W, CELL_H, NULL, source ? names : names + 1, NULL, &sheet, err);
    if (!r) r = lk_sheet_mark(path, &sheet, origin, err);
done:
    for (int i = 0; i < LK_SHEET_MOMENTS; i++) lk_image_clear(&own[i]);
    lk_image_clear(&sheet);
    return r;
}
