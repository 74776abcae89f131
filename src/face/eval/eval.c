/* eval.c: the list of questions, and what they share. */
#include "face/eval/parts.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct part { const char *name; lk_status (*run)(lk_eval *e, lk_error *err); } part;
static const part parts[] = {
    {"detector", lk_eval_detector}, {"points", lk_eval_points}, {"actors", lk_eval_actors},
    {"real", lk_eval_real},         {"masks", lk_eval_masks},   {"identity", lk_eval_identity},
    {"speed", lk_eval_speed},
};

const char *const *lk_face_eval_parts(void)
{
    static const char *names[LK_COUNT(parts) + 1];
    for (size_t i = 0; i < LK_COUNT(parts); i++) names[i] = parts[i].name;
    return names;
}

lk_status lk_face_eval(const lk_face_eval_options *o, lk_eval_row_fn row, void *user, lk_error *err)
{
    lk_eval e = {.o = o, .row = row, .user = user};
    lk_analyser_options options = lk_analyser_defaults();
    options.models_dir = o->models_dir;
    if (!o->data || !lk_path_exists(o->data))
        return LK_FAIL(err, LK_E_NOTFOUND, "the data folder %s is not there; set LIKENESS_DATA",
                       o->data ? o->data : "(none given)");
    LK_TRY(lk_analyser_open(&options, &e.a, err));
    lk_meter_init(&e.meter, o->progress, "bench face", "pictures", 0);
    lk_status s = LK_OK;
    bool any = false;
    for (size_t i = 0; i < LK_COUNT(parts) && s == LK_OK; i++) {
        if (o->only && strcmp(o->only, parts[i].name)) continue;
        any = true;
        s = parts[i].run(&e, err);
    }
    if (s == LK_OK && !any) s = LK_FAIL(err, LK_E_ARG, "there is no part \"%s\" of the face bench", o->only);
    lk_meter_finish(&e.meter, NULL);
    lk_analyser_close(&e.a);
    return s;
}

lk_status lk_eval_report(lk_eval *e, const char *what, const char *figure, double value, const char *unit,
                         const char *target, int64_t n, lk_error *err)
{
    if (isnan(value)) return LK_OK;
    lk_eval_row r = {.what = what, .figure = figure, .value = value, .unit = unit, .target = target, .n = n};
    return e->row(e->user, &r, err);
}

lk_status lk_eval_tick(lk_eval *e, const char *note, lk_error *err)
{
    lk_meter_set(&e->meter, ++e->done, note);
    if (lk_cancel_raised(e->o->cancel)) return LK_FAIL(err, LK_E_CANCELLED, "the face bench was cancelled");
    return LK_OK;
}

void lk_eval_path(const lk_eval *e, char out[1024], const char *fmt, ...)
{
    char tail[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(tail, sizeof tail, fmt, ap);
    va_end(ap);
    snprintf(out, 1024, "%s/%s", e->o->data, tail);
}

lk_status lk_eval_picture(const char *path, lk_image *out, lk_error *err)
{
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    LK_TRY(lk_reader_open(path, &r, err));
    lk_status s = lk_reader_next(r, &f, err);
    if (s == LK_END) s = LK_FAIL(err, LK_E_FORMAT, "%s holds no picture", path);
    if (s == LK_OK) s = lk_frame_to_image(f, out, err);
    lk_frame_unref(&f);
    lk_reader_close(&r);
    return s;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

lk_status lk_eval_list(const char *folder, const char *suffix, lk_eval_names *out, lk_error *err)
{
    *out = (lk_eval_names){0};
    DIR *d = opendir(folder);
    if (!d) return LK_FAIL(err, LK_E_NOTFOUND, "the folder %s is missing from the bench data", folder);
    int room = 0;
    lk_status s = LK_OK;
    size_t tail = strlen(suffix);
    for (struct dirent *item; s == LK_OK && (item = readdir(d));) {
        size_t len = strlen(item->d_name);
        if (len <= tail || strcmp(item->d_name + len - tail, suffix)) continue;
        if (out->count == room) {
            int more = room ? room * 2 : 64;
            char **names = lk_realloc(out->name, (size_t)room * sizeof *names, (size_t)more * sizeof *names);
            if (names) out->name = names, room = more;
            else s = LK_FAIL(err, LK_E_NOMEM, "no memory to list %s", folder);
        }
        if (s == LK_OK && !(out->name[out->count++] = lk_strdup(item->d_name)))
            s = LK_FAIL(err, LK_E_NOMEM, "no memory to list %s", folder);
    }
    closedir(d);
    if (s == LK_OK && out->count) qsort(out->name, (size_t)out->count, sizeof *out->name, by_name);
    if (s == LK_OK && !out->count)
        s = LK_FAIL(err, LK_E_NOTFOUND, "the folder %s holds no %s files", folder, suffix);
    if (s != LK_OK) lk_eval_names_free(out);
    return s;
}

void lk_eval_names_free(lk_eval_names *names)
{
    for (int i = 0; i < names->count; i++) lk_free(names->name[i]);
    lk_free(names->name);
    *names = (lk_eval_names){0};
}

double lk_eval_point_error(const lk_point *got, const lk_point *truth)
{
    double sum = 0;
    for (int i = 0; i < LK_LANDMARKS; i++) sum += hypot(got[i].x - truth[i].x, got[i].y - truth[i].y);
    return sum / LK_LANDMARKS / fmax(lk_face_interocular(truth), 1e-3);
}

const lk_face *lk_eval_nearest(const lk_face *faces, int count, const lk_point *truth)
{
    lk_rect t = lk_face_box(truth);
    const lk_face *best = NULL;
    float least = 0.5f * (t.x1 - t.x0);
    for (int i = 0; i < count; i++) {
        lk_rect b = faces[i].box;
        float d = hypotf(0.5f * (b.x0 + b.x1 - t.x0 - t.x1), 0.5f * (b.y0 + b.y1 - t.y0 - t.y1));
        if (d < least) least = d, best = &faces[i];
    }
    return best;
}

lk_affine lk_eval_crop(const lk_image *rgb, const lk_point *lm, lk_image *crop)
{
    lk_affine to_crop = lk_face_align(lm, crop->w, LK_FACE_CROP_COVERAGE);
    lk_image_warp(rgb, crop, lk_affine_invert(to_crop), LK_FILTER_AREA, LK_BORDER_CLAMP);
    return to_crop;
}
