/* eval_clips.c: clips are registered, edited, encoded anew and looked for; every answer about another performance is wrong.
 *
 * An edit is a row: a name and a function on the picture, with what it does to size, frames and time. Looks alone are
 * judged: the edited clips have no sound. What is encoded never gets a name: it is read from the encoder's draft.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mark/copies/eval.h"
#include "mark/copies/internal.h"
#include "media/writer.h"

typedef struct eval_edit {
    const char *name;
    lk_status (*picture)(lk_image *im, lk_error *err); /* changes it in place; NULL = nothing */
    double seconds, speed; /* at most so many seconds of the clip are taken; it runs so much faster */
    int every, crf;        /* keep every n-th frame */
    int view;
} eval_edit;

static lk_status replace(lk_image *im, lk_image *by)
{
    lk_image_clear(im);
    *im = *by;
    return LK_OK;
}

static lk_status half(lk_image *im, lk_error *err)
{
    lk_image out = {0};
    LK_TRY(lk_image_new(LK_MAX(im->w / 4 * 2, 2), LK_MAX(im->h / 4 * 2, 2), im->c, &out, err));
    lk_image_resize(im, &out, LK_FILTER_AREA);
    return replace(im, &out);
}

/* part of the width and height, from a place between 0 (left, top) and 1; the sides stay even. */
static lk_status crop(lk_image *im, double part, double at, lk_error *err)
{
    lk_image out = {0};
    LK_TRY(lk_image_new((int)(im->w * part / 2 + 0.5) * 2, (int)(im->h * part / 2 + 0.5) * 2, im->c, &out, err));
    int x = (int)((im->w - out.w) * at + 0.5), y = (int)((im->h - out.h) * at + 0.5);
    for (int r = 0; r < out.h; r++)
        memcpy(out.data + (size_t)r * out.w * out.c, im->data + ((size_t)(y + r) * im->w + x) * im->c, (size_t)out.w * out.c * sizeof(float));
    return replace(im, &out);
}
static lk_status crop_5(lk_image *im, lk_error *err) { return crop(im, 0.95, 0.5, err); }
static lk_status crop_10(lk_image *im, lk_error *err) { return crop(im, 0.9, 0.5, err); }
static lk_status crop_20(lk_image *im, lk_error *err) { return crop(im, 0.8, 0.5, err); }
static lk_status corner_5(lk_image *im, lk_error *err) { return crop(im, 0.95, 0, err); }

static lk_status mirror(lk_image *im, lk_error *err)
{
    (void)err;
    for (int y = 0; y < im->h; y++)
        for (int x = 0; x < im->w / 2; x++)
            for (int c = 0; c < im->c; c++) {
                float *a = &im->data[((size_t)y * im->w + x) * im->c + c], *b = &im->data[((size_t)y * im->w + im->w - 1 - x) * im->c + c], t = *a;
                *a = *b;
                *b = t;
            }
    return LK_OK;
}

static lk_status brighter(lk_image *im, lk_error *err)
{
    (void)err;
    for (size_t i = 0, n = (size_t)im->w * im->h * im->c; i < n; i++) im->data[i] = LK_CLAMP(im->data[i] * 1.15f + 0.05f, 0.0f, 1.0f);
    return LK_OK;
}

static lk_status bars(lk_image *im, lk_error *err)
{
    lk_image out = {0};
    LK_TRY(lk_image_new(im->w, im->h * 13 / 20 * 2, im->c, &out, err));
    lk_draw_paste(&out, im, 0, (out.h - im->h) / 2);
    return replace(im, &out);
}

static lk_status caption(lk_image *im, lk_error *err)
{
    const float black[3] = {0}, white[3] = {1, 1, 1};
    lk_image plate = {0};
    LK_TRY(lk_image_new(im->w / 2, LK_MAX(im->h / 14, 1), im->c, &plate, err));
    lk_draw_fill(&plate, 0, 0, (float)plate.w, (float)plate.h, black, 1);
    lk_draw_text(&plate, 4, 2, (float)plate.h - 4, "breaking: this caption was added", white);
    lk_draw_paste(im, &plate, im->w / 4, im->h - plate.h * 3 / 2);
    lk_image_clear(&plate);
    return LK_OK;
}

static const eval_edit edits[] = {
    {"5 s of it, crf 28", NULL, 5, 1, 1, 28, 0},
    {"2 s of it", NULL, 2, 1, 1, 26, 0},
    {"half size", half, 3.5, 1, 1, 23, 0},
    {"mirrored", mirror, 3.5, 1, 1, 26, 4},
    {"cropped by 5 %", crop_5, 3.5, 1, 1, 26, 0},
    {"cropped by 10 %", crop_10, 3.5, 1, 1, 26, 0},
    {"cropped by 20 %", crop_20, 3.5, 1, 1, 26, 0},
    {"5 % off one corner", corner_5, 3.5, 1, 1, 26, 0},
    {"brighter", brighter, 3.5, 1, 1, 26, 0},
    {"half the frames", NULL, 3.5, 1, 2, 26, 0},
    {"bars added", bars, 3.5, 1, 1, 26, 0},
    {"caption", caption, 3.5, 1, 1, 26, 0},
    {"10 % faster", NULL, 3.5, 1.1, 1, 26, 0},
};

typedef struct draft {
    lk_writer *w;
    char name[256];
    int64_t frames;
} draft;

static lk_status put_frame(draft *d, const eval_edit *e, const lk_frame *f, double begin, lk_error *err)
{
    lk_image im = {0};
    lk_frame *out = NULL;
    lk_frame_info info = lk_frame_get_info(f);
    lk_status s;
    LK_GOTO(done, lk_frame_to_image(f, &im, err));
    if ((im.w | im.h) & 1) LK_GOTO(done, crop(&im, 1, 0, err));
    if (e->picture) LK_GOTO(done, e->picture(&im, err));
    if (!d->w) {
        lk_writer_spec spec = {.path = "/tmp/likeness-copies-eval.mp4", .width = im.w, .height = im.h, .time_base = {1, 90000},
                               .crf = e->crf, .preset = "ultrafast"};
        LK_GOTO(done, lk_writer_open(&spec, &d->w, err));
    }
    LK_GOTO(done, lk_frame_from_image(&im, &out, err));
    LK_GOTO(done, lk_frame_set_time(out, (int64_t)llrint((info.seconds - begin) / e->speed * 90000), 0, (lk_rational){1, 90000}, err));
    LK_GOTO(done, lk_writer_frame(d->w, out, err));
    d->frames++;
done:
    lk_frame_unref(&out);
    lk_image_clear(&im);
    return s;
}

/* The edited clip as a draft, and the second of the clip that it begins with: a third into it. */
static lk_status make_edit(const char *path, const eval_edit *e, double duration, draft *d, double *begin, const lk_cancel *cancel, lk_error *err)
{
    lk_reader *r = NULL;
    int64_t seen = 0;
    double want = LK_MAX(LK_MIN(duration / 3, duration - e->seconds), 0.0);
    lk_status s = lk_reader_open(path, &r, err);
    if (s == LK_OK && want > 2) s = lk_reader_seek(r, want, err);
    *begin = -1;
    while (s == LK_OK) {
        lk_frame *f = NULL;
        if (lk_cancel_raised(cancel)) {
            s = LK_E_CANCELLED;
            break;
        }
        s = lk_reader_next(r, &f, err);
        if (s != LK_OK) break;
        double t = lk_frame_get_info(f).seconds;
        if (t >= want - 1e-3 && *begin < 0) *begin = t;
        if (*begin >= 0 && t >= *begin + e->seconds - 1e-3) s = LK_END;
        else if (*begin >= 0 && seen++ % e->every == 0) s = put_frame(d, e, f, *begin, err);
        lk_frame_unref(&f);
    }
    lk_reader_close(&r);
    if (s == LK_END) s = d->w ? lk_writer_finish(d->w, d->name, sizeof d->name, err) : LK_FAIL(err, LK_E_FORMAT, "%s has no frames", path);
    return s;
}

typedef struct tally {
    int asked, copies, alike, mistaken, comparisons;
    double worst; /* seconds that a found copy is out of place */
    double search_seconds;
    int others_alike;
} tally;

static void judge(const lk_copies_eval_clip *clips, int count, int own, const eval_edit *e, double begin, const lk_copy_match *m, int n, tally *t)
{
    bool sure = false, alike = false;
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < count && strcmp(clips[k].path, m[i].entry.path) != 0) k++;
        bool same = k < count && !strcmp(clips[k].group, clips[own].group);
        if (!same) {
            if (m[i].level >= LK_COPY_SURE) t->mistaken++;
            else t->others_alike++;
        } else if (k == own) {
            sure |= m[i].level >= LK_COPY_SURE && m[i].view == e->view;
            alike = true;
            if (m[i].level >= LK_COPY_SURE)
                t->worst = LK_MAX(t->worst, fabs(m[i].entry_begin - m[i].speed * m[i].query_begin - begin));
        }
    }
    t->asked++;
    t->copies += sure;
    t->alike += alike && !sure;
    t->comparisons += count - 1;
}

static lk_status ask(lk_copies *c, const lk_copies_eval_clip *clips, int count, int own, double duration, const eval_edit *e, tally *t,
                     const lk_cancel *cancel, lk_error *err)
{
    enum { MOST = 64 };
    draft d = {0};
    double begin = 0;
    int n = 0;
    lk_copies_hashes *h = NULL;
    lk_copy_match *m = lk_alloc(MOST * sizeof *m);
    lk_status s = m ? make_edit(clips[own].path, e, duration, &d, &begin, cancel, err) : copies_no_memory(err, "the bench of copies");
    if (s == LK_OK) s = lk_copies_hashes_file(d.name, &h, cancel, err);
    double start = lk_now();
    if (s == LK_OK) s = lk_copies_search(c, h, NULL, m, MOST, &n, err);
    t->search_seconds += lk_now() - start;
    if (s == LK_OK) judge(clips, count, own, e, begin, m, n, t);
    lk_copies_hashes_free(&h);
    lk_writer_abort(&d.w);
    lk_free(m);
    return s;
}

static lk_status register_clip(lk_copies *c, const char *path, double *duration, const lk_cancel *cancel, lk_error *err)
{
    lk_copies_hashes *h = NULL;
    lk_copy_entry e = {.kind = "added", .created = lk_wall_time()};
    LK_TRY(lk_copies_hashes_file(path, &h, cancel, err));
    lk_status s = lk_hash_file(path, &e.file, err);
    snprintf(e.path, sizeof e.path, "%s", path);
    if (s == LK_OK) s = lk_copies_add(c, &e, h, err);
    *duration = h->duration;
    lk_copies_hashes_free(&h);
    return s;
}

static lk_status tell(const char *name, const tally *t, lk_copies_row_fn row, void *user, lk_error *err)
{
    double n = LK_MAX(t->asked, 1);
    LK_TRY(row(user, name, "told as a copy", 100 * t->copies / n, "%", "", err));
    LK_TRY(row(user, name, "told as alike only", 100 * t->alike / n, "%", "", err));
    LK_TRY(row(user, name, "other clips told as copies", t->mistaken, "", "0", err));
    return t->copies ? row(user, name, "out of place, worst", t->worst, "s", "<= 0.5", err) : LK_OK;
}

lk_status lk_copies_eval_clips(const char *dir, const lk_copies_eval_clip *clips, int count, lk_copies_row_fn row, void *user,
                               const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_copies *c = NULL;
    lk_meter meter;
    tally all = {0};
    double start = lk_now(), clip_seconds = 0, *duration = lk_calloc((size_t)LK_MAX(count, 1), sizeof *duration);
    if (!duration) return copies_no_memory(err, "the bench of copies");
    lk_status s;
    LK_GOTO(done, lk_copies_open(dir, true, &c, err));
    lk_meter_init(&meter, progress, "register", "clips", count);
    for (int i = 0; i < count; i++) {
        LK_GOTO(done, register_clip(c, clips[i].path, &duration[i], cancel, err));
        clip_seconds += duration[i];
        lk_meter_set(&meter, i + 1, NULL);
    }
    lk_meter_finish(&meter, NULL);
    LK_GOTO(done, row(user, "clips", "registered", count, "", ">= 50", err));
    LK_GOTO(done, row(user, "clips", "seconds registered in a second", clip_seconds / (lk_now() - start), "s/s", "", err));
    lk_meter_init(&meter, progress, "edits", "clips", (int64_t)count * (int)LK_COUNT(edits));
    for (size_t k = 0; k < LK_COUNT(edits); k++) {
        tally t = {0};
        for (int i = 0; i < count; i++) {
            LK_GOTO(done, ask(c, clips, count, i, duration[i], &edits[k], &t, cancel, err));
            lk_meter_set(&meter, (int64_t)k * count + i + 1, edits[k].name);
        }
        LK_GOTO(done, tell(edits[k].name, &t, row, user, err));
        all.asked += t.asked;
        all.comparisons += t.comparisons;
        all.mistaken += t.mistaken;
        all.others_alike += t.others_alike;
        all.search_seconds += t.search_seconds;
    }
    lk_meter_finish(&meter, NULL);
    LK_GOTO(done, row(user, "all edits", "comparisons with other clips", all.comparisons, "", "", err));
    LK_GOTO(done, row(user, "all edits", "of them told as copies", all.mistaken, "", "0", err));
    LK_GOTO(done, row(user, "all edits", "of them told as alike", all.others_alike, "", "", err));
    LK_GOTO(done, row(user, "all edits", "a search takes", 1e3 * all.search_seconds / LK_MAX(all.asked, 1), "ms", "", err));
done:
    lk_copies_close(&c);
    lk_free(duration);
    return s;
}
