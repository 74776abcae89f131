/* clip.c: the hashes of a file: of a still, of a clip frame by frame, and the words of its sound.
 *
 * vPDQ takes one picture hash a second. Here a clip is looked at four times a second and at cuts, and a picture that
 * has hardly changed lengthens the span of the one before: a talking head costs few hashes, an action scene four a
 * second, and every moment of the clip is near one. A moment has five hashes, of the whole picture and of four inner
 * parts, which is what cropped copies show and what captions at the edge leave; five more when black bars frame it.
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
    SAME_BITS = 2,        /* a picture within so many bits lengthens the span of the one before */
    CUT_LEVELS = 12,      /* mean change of the cells in code values that is a cut */
    BAR_LEVEL = 28,       /* a row or column of bars has no code value above this */
    MAX_MOTION = 1 << 18, /* nine hours */
    MAX_LOOKS = 1 << 21
};
#define LOOK_STEP 0.25

const int copies_margin[COPIES_INNER] = {0, 8, 16, 24, 32}; /* the whole, 95, 90, 85 and 80 % */

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
static bool has_bars(copies_box b)
{
    int most = COPIES_SIDE * 49 / 50, least = COPIES_SIDE * 2 / 5;
    return b.w && (b.w <= most || b.h <= most) && b.w >= least && b.h >= least;
}

/* --- one moment ------------------------------------------------------------------------------------------- */

static lk_status keep_look(lk_copies_hashes *h, int variant, const lk_pdq views[PDQ_VIEWS], int quality, double seconds, lk_error *err)
{
    int last = h->last_look[variant];
    if (last >= 0 && pdq_distance(&h->looks[last].view[0], &views[0]) <= SAME_BITS) {
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
    l->variant = (uint8_t)variant;
    l->quality = (uint8_t)quality;
    h->last_look[variant] = h->look_count++;
    return LK_OK;
}

/* grey is COPIES_SIDE a side. */
static lk_status hash_moment(lk_copies_hashes *h, const lk_image *grey, copies_box content, double seconds, lk_error *err)
{
    copies_box whole = {0, 0, COPIES_SIDE, COPIES_SIDE};
    bool bars = has_bars(content);
    float *work = lk_alloc((size_t)2 * COPIES_SIDE * COPIES_SIDE * sizeof *work);
    lk_status s = work ? LK_OK : copies_no_memory(err, "hashing a picture");
    for (int v = 0; v < COPIES_VARIANTS && s == LK_OK; v++) {
        if (v % 2 && !bars) continue;
        copies_box b = v % 2 ? content : whole;
        int x = b.w * copies_margin[v / 2] / COPIES_SIDE, y = b.h * copies_margin[v / 2] / COPIES_SIDE, quality = 0;
        lk_pdq views[PDQ_VIEWS];
        pdq_area(grey, b.x + x, b.y + y, b.w - 2 * x, b.h - 2 * y, views, &quality, work);
        if (quality >= LK_PDQ_QUALITY) s = keep_look(h, v, views, quality, seconds, err);
        else h->last_look[v] = -1;
    }
    lk_free(work);
    return s;
}

static lk_status look(lk_copies_hashes *h, const lk_image *full, double seconds, lk_error *err)
{
    lk_image grey = {0};
    LK_TRY(lk_image_new(COPIES_SIDE, COPIES_SIDE, 1, &grey, err));
    lk_image_resize(full, &grey, LK_FILTER_AREA);
    widen(&h->content, bright_box(&grey));
    lk_status s = hash_moment(h, &grey, h->content, seconds, err);
    lk_image_clear(&grey);
    return s;
}

/* --- motion ------------------------------------------------------------------------------------------------ */

static COPIES_CLONES uint64_t sum8(const uint8_t *p, int n)
{
    uint32_t s = 0; /* 16384 samples of 8 bits fit */
    for (int i = 0; i < n; i++) s += p[i];
    return s;
}

static COPIES_CLONES uint64_t sum16(const uint16_t *p, int n)
{
    uint64_t s = 0;
    for (int i = 0; i < n; i++) s += p[i];
    return s;
}

/* The mean of a rectangle of one plane in code values of 8 bits; every row of small pictures, every step-th of large ones. */
static float plane_mean(const lk_luma *l, int plane, int x0, int y0, int x1, int y1)
{
    int step = LK_MAX(l->height / 240, 1), rows = 0;
    uint64_t sum = 0;
    for (int y = y0; y < y1; y += step, rows++) {
        const uint8_t *row = (const uint8_t *)l->plane[plane] + (ptrdiff_t)y * l->stride[plane];
        sum += l->bit_depth > 8 ? sum16((const uint16_t *)(const void *)row + x0, x1 - x0) : sum8(row + x0, x1 - x0);
    }
    double mean = (double)sum / ((double)LK_MAX(rows, 1) * LK_MAX(x1 - x0, 1));
    return (float)LK_CLAMP((mean - l->black) * 255.0 / (l->white - l->black), 0.0, 255.0);
}

/* The means of 8 x 8 cells of what is inside the bars. */
static void cells_of(const lk_luma *l, copies_box b, float out[COPIES_CELLS])
{
    static const float weight[3] = {0.587f, 0.114f, 0.299f}; /* planes of RGB: green, blue, red */
    int xs[COPIES_GRID + 1], ys[COPIES_GRID + 1];
    for (int i = 0; i <= COPIES_GRID; i++) {
        xs[i] = (int)((int64_t)l->width * (b.x * COPIES_GRID + b.w * i) / (COPIES_SIDE * COPIES_GRID));
        ys[i] = (int)((int64_t)l->height * (b.y * COPIES_GRID + b.h * i) / (COPIES_SIDE * COPIES_GRID));
    }
    for (int i = 0; i < COPIES_CELLS; i++) {
        int x0 = LK_MIN(xs[i % COPIES_GRID], l->width - 1), y0 = LK_MIN(ys[i / COPIES_GRID], l->height - 1);
        int x1 = LK_MAX(xs[i % COPIES_GRID + 1], x0 + 1), y1 = LK_MAX(ys[i / COPIES_GRID + 1], y0 + 1);
        out[i] = 0;
        for (int p = 0; p < l->planes; p++)
            out[i] += (l->planes == 1 ? 1.0f : weight[p]) * plane_mean(l, p, x0, y0, x1, y1);
    }
}

/* The newest moment is the mean of the frames of an eighth of a second so far: it only grows better until the next begins. */
static lk_status keep_motion(lk_copies_hashes *h, const float cell[COPIES_CELLS], double seconds, lk_error *err)
{
    if (!h->motion_count || seconds >= h->bin_end - 1e-4) {
        if (h->motion_count >= MAX_MOTION) return LK_FAIL(err, LK_E_RANGE, "a clip of more than nine hours is too long to register");
        void *grown = copies_grow(h->motion, h->motion_count, &h->motion_cap, sizeof *h->motion);
        if (!grown) return copies_no_memory(err, "the motion of a clip");
        h->motion = grown;
        h->motion_count++;
        h->bin_end = (floor(seconds * COPIES_MOTION_RATE + 1e-3) + 1) / COPIES_MOTION_RATE;
        h->bin_frames = 0;
        h->bin_time = 0;
        memset(h->bin, 0, sizeof h->bin);
    }
    copies_motion *m = &h->motion[h->motion_count - 1];
    h->bin_frames++;
    h->bin_time += seconds;
    m->seconds = (float)(h->bin_time / h->bin_frames);
    for (int i = 0; i < COPIES_CELLS; i++) {
        h->bin[i] += cell[i];
        m->cell[i] = (uint16_t)lrintf(h->bin[i] / (float)h->bin_frames * 256);
    }
    return LK_OK;
}

static bool is_cut(const float a[COPIES_CELLS], const float b[COPIES_CELLS])
{
    float change = 0;
    for (int i = 0; i < COPIES_CELLS; i++) change += fabsf(a[i] - b[i]);
    return change > CUT_LEVELS * COPIES_CELLS;
}

static lk_status frame_look(lk_copies_hashes *h, const lk_frame *f, double seconds, lk_error *err)
{
    lk_frame_info info = lk_frame_get_info(f);
    lk_image full = {0};
    LK_TRY(lk_image_new(info.width, info.height, 1, &full, err));
    lk_status s = lk_frame_get_rgb(f, 0, 0, &full, err);
    if (s == LK_OK) s = look(h, &full, seconds, err);
    lk_image_clear(&full);
    return s;
}

lk_status lk_copies_hashes_frame(lk_copies_hashes *h, const lk_frame *f, double seconds, lk_error *err)
{
    float cell[COPIES_CELLS];
    lk_luma luma = lk_frame_luma(f);
    bool first = !h->motion_count;
    if (!(seconds >= 0) || (!first && seconds < h->duration)) return LK_OK; /* time never runs backwards */
    h->duration = seconds;
    if (first) LK_TRY(frame_look(h, f, seconds, err)); /* where the bars are must be known before the cells are laid */
    cells_of(&luma, has_bars(h->content) ? h->content : (copies_box){0, 0, COPIES_SIDE, COPIES_SIDE}, cell);
    bool due = first || seconds >= h->next_look - 1e-3;
    if (!first && (due || is_cut(cell, h->last_cell))) LK_TRY(frame_look(h, f, seconds, err));
    if (due) h->next_look = LK_MAX(h->next_look + LOOK_STEP, seconds + LOOK_STEP / 2);
    memcpy(h->last_cell, cell, sizeof cell);
    return keep_motion(h, cell, seconds, err);
}

lk_status lk_copies_hashes_image(lk_copies_hashes *h, const lk_image *rgb, lk_error *err)
{
    lk_image full = {0};
    h->still = true;
    LK_TRY(pdq_grey(rgb, &full, err));
    lk_status s = look(h, &full, 0, err);
    lk_image_clear(&full);
    return s;
}

lk_status lk_copies_hashes_sound(lk_copies_hashes *h, const lk_audio *a, lk_error *err)
{
    uint32_t *words = NULL;
    int n = 0;
    if (a->rate <= 0 || a->samples <= 0) return LK_OK;
    LK_TRY(lk_sound_print(a, &words, &n, NULL, err));
    lk_free(h->sound);
    h->sound = words;
    h->sound_count = n;
    return LK_OK;
}

/* --- a whole file ----------------------------------------------------------------------------------------- */

static lk_status file_frames(lk_copies_hashes *h, lk_reader *r, lk_copies_watch_fn watch, void *user, const lk_cancel *cancel, lk_error *err)
{
    const lk_media_info *info = lk_reader_info(r);
    double tail = 0;
    for (;;) {
        lk_frame *f = NULL;
        if (lk_cancel_raised(cancel)) return LK_E_CANCELLED;
        lk_status s = lk_reader_next(r, &f, err);
        if (s == LK_END) {
            h->duration += tail; /* the last picture stays for a while */
            return LK_OK;
        }
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
        if (s == LK_OK && fi.time_base.den > 0) tail = (double)fi.duration * fi.time_base.num / fi.time_base.den;
        lk_frame_unref(&f);
        LK_TRY(s);
        if (watch) watch(user, fi.seconds, info->duration);
    }
}

static lk_status file_sound(lk_copies_hashes *h, const char *path, lk_error *err)
{
    lk_audio a = {0};
    LK_TRY(lk_audio_read(path, 8000, 1, &a, err));
    lk_status s = lk_copies_hashes_sound(h, &a, err);
    if (a.rate > 0) h->duration = LK_MAX(h->duration, (double)a.samples / a.rate);
    lk_audio_clear(&a);
    return s;
}

lk_status lk_copies_hashes_file(const char *path, lk_copies_hashes **out, const lk_cancel *cancel, lk_error *err)
{
    return lk_copies_hashes_watch(path, out, NULL, NULL, cancel, err);
}

lk_status lk_copies_hashes_watch(const char *path, lk_copies_hashes **out, lk_copies_watch_fn watch, void *user, const lk_cancel *cancel,
                                 lk_error *err)
{
    lk_reader *r = NULL;
    lk_error sound_err = {0};
    LK_TRY(lk_copies_hashes_new(out, err));
    lk_status s = lk_reader_open(path, &r, err);
    if (s == LK_E_FORMAT) { /* no picture: sound alone, or nothing at all */
        s = file_sound(*out, path, &sound_err);
        if (s != LK_OK && s != LK_E_FORMAT && err) *err = sound_err; /* else the reader's words stay */
    } else if (s == LK_OK) {
        s = file_frames(*out, r, watch, user, cancel, err);
        if (s == LK_OK && lk_reader_info(r)->has_audio) s = file_sound(*out, path, err);
    }
    lk_reader_close(&r);
    if (s != LK_OK) lk_copies_hashes_free(out);
    return s;
}
