/* video_detect.c: the reader of the picture's watermark: frames in, id out, in order of what it costs. */
#include "mark/watermark/video.h"

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

lk_status wm_detect_frame(wm_detector *d, const lk_frame *f, lk_error *err)
{
    return wm_stack_add(&d->stack, f, NULL, 0, err);
}

lk_status wm_detect_image(wm_detector *d, const lk_image *rgb, lk_error *err)
{
    return wm_stack_add(&d->stack, NULL, rgb, 0, err);
}

lk_status wm_detect_image_at(wm_detector *d, const lk_image *rgb, double seconds, lk_error *err)
{
    return wm_stack_add(&d->stack, NULL, rgb, seconds, err);
}

void wm_detect_forget(wm_detector *d) { wm_stack_clear(&d->stack); }

/* Every rung at one orientation. The rung of the picture's own size comes first. */
static bool try_rungs(wm_detector *d, int quarters, bool mirrored, wm_found *out)
{
    const wm_stack *s = &d->stack;
    const int own = wm_chips_across(LK_MIN(s->frame_w, s->frame_h));
    for (int i = -1; i < WM_RUNGS; i++) {
        const int rung = i < 0 ? own : wm_rung[i];
        const wm_pose p = {.cell = wm_rung_cell(s, rung), .stretch = 1, .quarters = quarters, .mirrored = mirrored};
        if ((i >= 0 && rung == own) || p.cell < 0.5) continue;
        if (wm_try_pose(&d->read, s, &p, out)) return true;
    }
    return false;
}

lk_status wm_detect_try(wm_detector *d, wm_effort effort, const lk_cancel *cancel, wm_found *out, lk_error *err)
{
    const wm_stack *s = &d->stack;
    *out = (wm_found){.scale = 1, .begin = s->begin, .end = s->end};
    if (!s->frames || try_rungs(d, 0, false, out) || effort == WM_QUICK) return LK_OK;
    for (int k = 1; k < 8; k++)
        if (try_rungs(d, k & 3, k >= 4, out)) return LK_OK;
    return effort == WM_TURNED ? LK_OK : wm_search(&d->read, s, cancel, out, err);
}

lk_status wm_detect_result(wm_detector *d, wm_found *out, lk_error *err)
{
    return wm_detect_try(d, WM_THOROUGH, NULL, out, err);
}
