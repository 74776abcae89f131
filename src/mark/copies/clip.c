/* clip.c: the hashes of a file: of a still, of a clip frame by frame, and the words of its sound.
 *
 * vPDQ takes one picture hash a second. Here a clip is looked at four times a second and at cuts, and a picture that
 * has hardly changed lengthens the span of the one before: a talking head costs few hashes, an action scene four a
 * second, and every moment of the clip is near one. Four hashes a moment: the whole picture, the picture without
 * black bars, and its inner 90 and 80 %, which is what a cropped copy shows.
 *
 * Looks alone cannot tell two clips of one person before one wall. So the light of 8 x 8 cells is kept eight times a
 * second: how it moves is different for every take (motion.c).
 */
#include "mark/copies/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mark/copies/sound.h"

enum {
    LOOK_SIDE = 512,    /* pictures are shrunk to this before hashing: 64 x 64 is what counts */
    SAME_BITS = 2,      /* a picture within so many bits lengthens the span of the one before */
    CUT_LEVELS = 12,    /* mean change of the cells in code values that is a cut */
    BAR_LEVEL = 28,     /* a row or column of bars has no code value above this ... */
    MAX_MOTION = 1 << 18, /* nine hours */
    MAX_LOOKS = 1 << 20
};
#define LOOK_STEP 0.25

lk_status copies_no_memory(lk_error *err, const char *doing)
{
    return LK_FAIL(err, LK_E_NOMEM, "no memory for %s; close other programs and try again", doing);
}

void *copies_grow(void *p, int count, int *cap, size_t size)
{
    if (count < *cap) return p;
    int more = *cap ? *cap * 2 : 16;
    void *q = lk_realloc(p, (size_t)*cap * size, (size_t)more * size);
    if (q) *cap = more;
    return q;
}

lk_status lk_copies_hashes_new(lk_copies_hashes **out, lk_error *err)
{
    lk_copies_hashes *h = *out = lk_calloc(1, sizeof *h);
    if (!h) return copies_no_memory(err, "the hashes of a file");
    for (int v = 0; v < COPIES_VARIANTS; v++) h->last_look[v] = -1;
    return LK_OK;
}

void lk_copies_hashes_free(lk_copies_hashes **hp)
{
    lk_copies_hashes *h = *hp;
    if (!h) return;
    *hp = NULL;
    lk_free(h->looks);
    lk_free(h->motion);
    lk_free(h->sound);
    lk_free(h);
}

/* --- black bars ------------------------------------------------------------------------------------------- */

static bool dark_row(const lk_image *g, int y)
{
    const float *p = g->data + (size_t)y * g->w, limit = BAR_LEVEL / 255.0f;
    int bright = 0;
    for (int x = 0; x < g->w; x++) bright += p[x] > limit;
    return bright * 200 <= g->w; /* specks of coding noise at the bar's edge */
}

static bool dark_column(const lk_image *g, int x)
{
    const float limit = BAR_LEVEL / 255.0f;
    int bright = 0;
    for (int y = 0; y < g->h; y++) bright += g->data[(size_t)y * g->w + x] > limit;
    return bright * 200 <= g->h;
}

static copies_box bright_box(const lk_image *g)
{
    int top = 0, bottom = g->h, left = 0, right = g->w;
    while (top < bottom && dark_row(g, top)) top++;
    while (bottom > top && dark_row(g, bottom - 1)) bottom--;
    if (top == bottom) return (copies_box){0};
    while (left < right && dark_column(g, left)) left++;
    while (right > left && dark_column(g, right - 1)) right--;
    return (copies_box){left, top, right - left, bottom - top};
}

/* A clip's bars are what no frame ever lights: a dark scene has none of its own. */
static void widen(copies_box *all, copies_box b)
{
    if (!b.w || !b.h) return;
    if (!all->w) {
        *all = b;
        return;
    }
    int right = LK_MAX(all->x + all->w, b.x + b.w), bottom = LK_MAX(all->y + all->h, b.y + b.h);
    all->x = LK_MIN(all->x, b.x);
    all->y = LK_MIN(all->y, b.y);
    all->w = right - all->x;
    all->h = bottom - all->y;
}

/* Bars are at least 2 % of a side and leave at least 40 %. */
static bool has_bars(copies_box b, int w, int h)
{
    return b.w && (b.w * 50 <= w * 49 || b.h * 50 <= h * 49) && b.w * 5 >= w * 2 && b.h * 5 >= h * 2;
}

/* --- one moment ------------------------------------------------------------------------------------------- */

static lk_status keep_look(lk_copies_hashes *h, copies_variant v, const lk_pdq views[PDQ_VIEWS], int quality, double seconds,
                           lk_error *err)
{
    int last = h->last_look[v];
    if (last >= 0 && lk_pdq_distance(&h->looks[last].view[0], &views[0]) <= SAME_BITS) {
        h->looks[last].end = (float)seconds;
        return LK_OK;
    }
    if (h->look_count >= MAX_LOOKS) return LK_FAIL(err, LK_E_RANGE, "a clip of more than %d looks is too long to register", MAX_LOOKS);
    void *grown = copies_grow(h->looks, h->look_count, &h->look_cap, sizeof *h->looks);
    if (!grown) return copies_no_memory(err, "the hashes of a clip");
    h->looks = grown;
    copies_look *l = &h->looks[h->look_count];
    memcpy(l->view, views, sizeof l->view);
    l->begin = l->end = (float)seconds;
    l->variant = (uint8_t)v;
    l->quality = (uint8_t)quality;
    h->last_look[v] = h->look_count++;
    return LK_OK;
}

/* grey is at most LOOK_SIDE a side. */
static lk_status hash_moment(lk_copies_hashes *h, const lk_image *grey, copies_box content, double seconds, lk_error *err)
{
    float *work = lk_alloc(2 * (size_t)grey->w * grey->h * sizeof *work);
    if (!work) return copies_no_memory(err, "hashing a picture");
    bool bars = has_bars(content, grey->w, grey->h);
    copies_box whole = {0, 0, grey->w, grey->h}, inside = bars ? content : whole;
    lk_status s = LK_OK;
    for (int v = 0; v < COPIES_VARIANTS && s == LK_OK; v++) {
        if (v == COPIES_NO_BARS && !bars) continue;
        copies_box b = v == COPIES_WHOLE ? whole : inside;
        if (v >= COPIES_INNER_90) {
            int cut = v == COPIES_INNER_90 ? 20 : 10;
            b = (copies_box){b.x + b.w / cut, b.y + b.h / cut, b.w - 2 * (b.w / cut), b.h - 2 * (b.h / cut)};
        }
        lk_pdq views[PDQ_VIEWS];
        int quality = 0;
        pdq_area(grey, b.x, b.y, b.w, b.h, views, &quality, work);
        if (quality >= LK_PDQ_QUALITY) s = keep_look(h, v, views, quality, seconds, err);
        else h->last_look[v] = -1;
    }
    lk_free(work);
    return s;
}

/* The means of 8 x 8 cells of a rectangle. */
static void cells_of(const lk_image *g, copies_box b, uint16_t out[COPIES_CELLS])
{
    for (int cy = 0; cy < COPIES_GRID; cy++)
        for (int cx = 0; cx < COPIES_GRID; cx++) {
            int y0 = b.y + b.h * cy / COPIES_GRID, y1 = LK_MAX(b.y + b.h * (cy + 1) / COPIES_GRID, y0 + 1);
            int x0 = b.x + b.w * cx / COPIES_GRID, x1 = LK_MAX(b.x + b.w * (cx + 1) / COPIES_GRID, x0 + 1);
            y1 = LK_MIN(y1, g->h);
            x1 = LK_MIN(x1, g->w);
            float sum = 0;
            for (int y = y0; y < y1; y++) {
                const float *p = g->data + (size_t)y * g->w;
                float row = 0;
                for (int x = x0; x < x1; x++) row += p[x];
                sum += row;
            }
            int n = LK_MAX((y1 - y0) * (x1 - x0), 1);
            out[cy * COPIES_GRID + cx] = (uint16_t)lrintf(LK_CLAMP(sum / (float)n, 0.0f, 1.0f) * 65280.0f);
        }
}

static lk_status keep_motion(lk_copies_hashes *h, const lk_image *grey, copies_box b, double seconds, bool *cut, lk_error *err)
{
    if (h->motion_count >= MAX_MOTION) return LK_FAIL(err, LK_E_RANGE, "a clip of more than nine hours is too long to register");
    void *grown = copies_grow(h->motion, h->motion_count, &h->motion_cap, sizeof *h->motion);
    if (!grown) return copies_no_memory(err, "the motion of a clip");
    h->motion = grown;
    copies_motion *m = &h->motion[h->motion_count++];
    m->seconds = (float)seconds;
    cells_of(grey, b, m->cell);
    *cut = false;
    if (h->motion_count < 2) return LK_OK;
    int64_t change = 0;
    for (int i = 0; i < COPIES_CELLS; i++) change += abs((int)m->cell[i] - (int)m[-1].cell[i]);
    *cut = change > (int64_t)CUT_LEVELS * 256 * COPIES_CELLS;
    return LK_OK;
}

/* At most LOOK_SIDE a side; small pictures stay as they are. */
static lk_status shrink(const lk_image *grey, lk_image *out, lk_error *err)
{
    int side = LK_MAX(grey->w, grey->h);
    if (side <= LOOK_SIDE) return lk_image_copy(grey, out, err);
    int w = LK_MAX((int)((int64_t)grey->w * LOOK_SIDE / side), 1), h = LK_MAX((int)((int64_t)grey->h * LOOK_SIDE / side), 1);
    LK_TRY(lk_image_new(w, h, 1, out, err));
    lk_image_resize(grey, out, LK_FILTER_AREA);
    return LK_OK;
}

lk_status lk_copies_hashes_frame(lk_copies_hashes *h, const lk_frame *f, double seconds, lk_error *err)
{
    h->duration = LK_MAX(h->duration, seconds);
    if (seconds < h->next_motion - 1e-3) return LK_OK;
    h->next_motion = LK_MAX(h->next_motion + 1.0 / COPIES_MOTION_RATE, seconds + 0.5 / COPIES_MOTION_RATE);
    lk_frame_info info = lk_frame_get_info(f);
    lk_image full = {0}, grey = {0};
    bool cut = false;
    lk_status s;
    if (h->width && (h->width != info.width || h->height != info.height)) h->content = (copies_box){0};
    h->width = info.width;
    h->height = info.height;
    LK_GOTO(done, lk_image_new(info.width, info.height, 1, &full, err));
    LK_GOTO(done, lk_frame_get_rgb(f, 0, 0, &full, err));
    LK_GOTO(done, shrink(&full, &grey, err));
    widen(&h->content, bright_box(&grey));
    copies_box inside = has_bars(h->content, grey.w, grey.h) ? h->content : (copies_box){0, 0, grey.w, grey.h};
    LK_GOTO(done, keep_motion(h, &grey, inside, seconds, &cut, err));
    if (seconds < h->next_look - 1e-3 && !cut) goto done;
    h->next_look = LK_MAX(h->next_look + LOOK_STEP, seconds + LOOK_STEP / 2);
    s = hash_moment(h, &grey, h->content, seconds, err);
done:
    lk_image_clear(&grey);
    lk_image_clear(&full);
    return s;
}

lk_status lk_copies_hashes_image(lk_copies_hashes *h, const lk_image *rgb, lk_error *err)
{
    lk_image full = {0}, grey = {0};
    if (!rgb || !rgb->data || (rgb->c != 1 && rgb->c != 3)) return LK_FAIL(err, LK_E_ARG, "hashes are made of RGB or grey pictures");
    h->still = true;
    h->width = rgb->w;
    h->height = rgb->h;
    lk_status s;
    LK_GOTO(done, lk_image_new(rgb->w, rgb->h, 1, &full, err));
    for (size_t i = 0, n = (size_t)rgb->w * rgb->h; i < n; i++) {
        const float *p = rgb->data + (size_t)rgb->c * i;
        full.data[i] = rgb->c == 1 ? p[0] : 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
    }
    LK_GOTO(done, shrink(&full, &grey, err));
    s = hash_moment(h, &grey, bright_box(&grey), 0, err);
done:
    lk_image_clear(&grey);
    lk_image_clear(&full);
    return s;
}

lk_status lk_copies_hashes_sound(lk_copies_hashes *h, const lk_audio *a, lk_error *err)
{
    uint32_t *words = NULL;
    int n = 0;
    if (a->rate <= 0 || a->samples <= 0) return LK_OK;
#ifdef LK_COPIES_SOUND
    LK_TRY(lk_sound_print(a, &words, &n, NULL, err));
#endif
    lk_free(h->sound);
    h->sound = words;
    h->sound_count = n;
    h->duration = LK_MAX(h->duration, (double)a->samples / a->rate);
    return LK_OK;
}

/* --- a whole file ----------------------------------------------------------------------------------------- */

static lk_status file_frames(lk_copies_hashes *h, lk_reader *r, const lk_cancel *cancel, lk_error *err)
{
    const lk_media_info *info = lk_reader_info(r);
    for (;;) {
        lk_frame *f = NULL;
        if (lk_cancel_raised(cancel)) return LK_E_CANCELLED;
        lk_status s = lk_reader_next(r, &f, err);
        if (s == LK_END) return LK_OK;
        LK_TRY(s);
        if (info->is_still) {
            lk_image rgb = {0};
            s = lk_frame_to_image(f, &rgb, err);
            if (s == LK_OK) s = lk_copies_hashes_image(h, &rgb, err);
            lk_image_clear(&rgb);
            lk_frame_unref(&f);
            return s;
        }
        lk_frame_info fi = lk_frame_get_info(f);
        s = lk_copies_hashes_frame(h, f, fi.seconds, err);
        h->duration = LK_MAX(h->duration, fi.seconds + (double)fi.duration * fi.time_base.num / LK_MAX(fi.time_base.den, 1));
        lk_frame_unref(&f);
        LK_TRY(s);
    }
}

static lk_status file_sound(lk_copies_hashes *h, const char *path, lk_error *err)
{
    lk_audio a = {0};
    LK_TRY(lk_audio_read(path, 8000, 1, &a, err));
    lk_status s = lk_copies_hashes_sound(h, &a, err);
    lk_audio_clear(&a);
    return s;
}

lk_status lk_copies_hashes_file(const char *path, lk_copies_hashes **out, const lk_cancel *cancel, lk_error *err)
{
    lk_reader *r = NULL;
    lk_error sound_err = {0};
    LK_TRY(lk_copies_hashes_new(out, err));
    lk_status s = lk_reader_open(path, &r, err);
    if (s == LK_E_FORMAT) { /* no picture: sound alone, or nothing at all */
        s = file_sound(*out, path, &sound_err);
        if (s == LK_E_FORMAT) s = LK_E_FORMAT; /* the reader's words stay: they say what the file is not */
        else if (s != LK_OK && err) *err = sound_err;
    } else if (s == LK_OK) {
        s = file_frames(*out, r, cancel, err);
        if (s == LK_OK && lk_reader_info(r)->has_audio) s = file_sound(*out, path, err);
    }
    lk_reader_close(&r);
    if (s != LK_OK) lk_copies_hashes_free(out);
    return s;
}
