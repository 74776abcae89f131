/* video_detect.c: the reader of the picture's watermark: frames in, id out. */
#include "mark/watermark/video.h"

#include <math.h>

struct wm_detector {
    wm_read read;
    wm_stack stack;
};

lk_status wm_detect_open(const wm_key *key, wm_detector **out, lk_error *err)
{
    *out = lk_calloc(1, sizeof **out);
    if (!*out) return LK_FAIL(err, LK_E_NOMEM, "no memory to look for a watermark");
    const lk_status s = wm_read_open(key, &(*out)->read, err);
    if (s != LK_OK) wm_detect_close(out);
    return s;
}

void wm_detect_close(wm_detector **dp)
{
    wm_detector *d = *dp;
    if (!d) return;
    wm_read_clear(&d->read);
    wm_stack_clear(&d->stack);
    lk_free(d);
    *dp = NULL;
}

lk_status wm_detect_frame(wm_detector *d, const lk_frame *f, lk_error *err) { return wm_stack_add(&d->stack, f, NULL, err); }

lk_status wm_detect_image(wm_detector *d, const lk_image *rgb, lk_error *err)
{
    return wm_stack_add(&d->stack, NULL, rgb, err);
}

lk_status wm_detect_result(wm_detector *d, wm_found *out, lk_error *err)
{
    const wm_stack *s = &d->stack;
    *out = (wm_found){.scale = 1, .begin = s->begin, .end = s->end};
    if (!s->frames) return LK_OK;
    for (int i = 0; i < WM_RUNGS; i++) {
        const double cell = (double)LK_MIN(s->frame_w, s->frame_h) / s->q / (2 * wm_rung[i]);
        const wm_view v = {cell, 0, 0, cell};
        if (cell < 0.45) continue;
        if (wm_read_view(&d->read, s, &v, out)) return LK_OK;
    }
    return LK_OK;
}
