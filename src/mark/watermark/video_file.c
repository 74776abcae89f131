/* video_file.c: the watermark of a clip or picture on disk. Frames are summed until the id is sure: it is asked for after
 * 1, 2, 4, ... frames, so that a good copy is known at once and a bad one gets all that there is. A sum covers half a
 * minute; longer clips start anew, since cuts and edits move the pattern.
 */
#include "mark/watermark/video.h"

#define WINDOW 30.0      /* seconds in one sum */
#define SEARCHES 2       /* costly searches in a clip */
#define TURNED_FROM 64   /* frames from which other orientations are tried on the way */

typedef struct scan {
    wm_detector *d;
    const lk_cancel *cancel;
    wm_found *out;
    int64_t frames, next, attempts;
    double begin, z;
    int searches;
} scan;

static lk_status ask(scan *c, wm_effort effort, lk_error *err)
{
    if (effort == WM_THOROUGH && c->searches++ >= SEARCHES) effort = WM_TURNED;
    LK_TRY(wm_detect_try(c->d, effort, c->cancel, c->out, err));
    c->attempts += c->out->attempts;
    c->z = LK_MAX(c->z, c->out->z);
    return LK_OK;
}

static lk_status add(scan *c, const lk_frame *f, lk_error *err)
{
    const double t = lk_frame_get_info(f).seconds;
    if (c->frames && (t - c->begin > WINDOW || t < c->begin)) {
        LK_TRY(ask(c, WM_THOROUGH, err));
        if (c->out->found) return LK_OK;
        wm_detect_forget(c->d);
        c->frames = 0;
    }
    if (c->frames == 0) {
        c->begin = t;
        c->next = 1;
    }
    LK_TRY(wm_detect_frame(c->d, f, err));
    if (++c->frames < c->next) return LK_OK;
    c->next = 2 * c->frames;
    return ask(c, c->frames >= TURNED_FROM ? WM_TURNED : WM_QUICK, err);
}

lk_status wm_detect_file(const char *path, const wm_key *key, wm_found *out, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err)
{
    lk_reader *r = NULL;
    scan c = {.cancel = cancel, .out = out};
    lk_meter meter;
    *out = (wm_found){.scale = 1};
    LK_TRY(lk_reader_open(path, &r, err));
    lk_meter_init(&meter, progress, "watermark", "frames", lk_reader_info(r)->frames);
    lk_status s = wm_detect_open(key, &c.d, err);
    for (int64_t n = 1; s == LK_OK && !out->found; n++) {
        lk_frame *f = NULL;
        s = lk_reader_next(r, &f, err);
        if (s == LK_OK) s = add(&c, f, err);
        lk_frame_unref(&f);
        if (s == LK_OK && lk_cancel_raised(cancel)) s = LK_FAIL(err, LK_E_CANCELLED, "%s: stopped", path);
        if (s == LK_OK) lk_meter_set(&meter, n, NULL);
    }
    if (s == LK_END) s = ask(&c, WM_THOROUGH, err);
    out->attempts = c.attempts;
    out->z = out->found ? out->z : c.z;
    lk_meter_finish(&meter, out->found ? "found" : "none");
    wm_detect_close(&c.d);
    lk_reader_close(&r);
    return s;
}
