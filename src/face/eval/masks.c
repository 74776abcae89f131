/* masks.c: the learned mask of the visible face against the rendered truth, beside the
 * plain hull of the points, in the aligned crop of the true points.
 */
#include "face/eval/parts.h"
#include "face/labels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define EVERY 10 /* the truth has a mask of every tenth picture */

typedef struct overlap { double both, either; } overlap;

static void add(overlap *o, const lk_image *got, const lk_image *truth)
{
    for (size_t i = 0; i < (size_t)got->w * (size_t)got->h; i++) {
        bool a = got->data[i] >= 0.5f, b = truth->data[i] >= 0.5f;
        o->both += a && b;
        o->either += a || b;
    }
}

typedef struct bench { lk_image crop, mask, hull, truth; double learned, plain; int64_t n; } bench;

static lk_status one_picture(lk_eval *e, bench *b, const lk_image *rgb, const char *mask_path,
                             const lk_point *lm, lk_error *err)
{
    lk_image seen = {0};
    LK_TRY(lk_eval_picture(mask_path, &seen, err));
    lk_affine to_crop = lk_eval_crop(rgb, lm, &b->crop);
    lk_image grey = {0};
    lk_status s = lk_image_new(seen.w, seen.h, 1, &grey, err);
    for (size_t i = 0; s == LK_OK && i < (size_t)seen.w * (size_t)seen.h; i++)
        grey.data[i] = seen.data[3 * i];
    if (s == LK_OK) {
        lk_image_warp(&grey, &b->truth, lk_affine_invert(to_crop), LK_FILTER_AREA, LK_BORDER_ZERO);
        s = lk_face_mask(e->a, &b->crop, &b->mask, err);
    }
    lk_image_clear(&seen);
    lk_image_clear(&grey);
    LK_TRY(s);
    lk_point in_crop[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++)
        lk_affine_apply(to_crop, lm[i].x, lm[i].y, &in_crop[i].x, &in_crop[i].y);
    LK_TRY(lk_face_hull_mask(in_crop, &b->hull, 0, err));
    overlap learned = {0}, plain = {0};
    add(&learned, &b->mask, &b->truth);
    add(&plain, &b->hull, &b->truth);
    if (learned.either <= 0 || plain.either <= 0) return LK_OK;
    b->learned += learned.both / learned.either;
    b->plain += plain.both / plain.either;
    b->n++;
    return lk_eval_tick(e, "masks", err);
}

static lk_status one_clip(lk_eval *e, bench *b, char actor, const char *name, lk_error *err)
{
    char path[1024], labels[1024], mask[1024];
    lk_labels truth;
    lk_reader *r = NULL;
    lk_eval_path(e, path, "actors/actors/%c/%s.mp4", actor, name);
    lk_eval_path(e, labels, "actors/actors/%c/%s.jsonl.gz", actor, name);
    LK_TRY(lk_labels_read(labels, &truth, err));
    lk_status s = lk_reader_open(path, &r, err);
    while (s == LK_OK) {
        lk_frame *f = NULL;
        s = lk_reader_next(r, &f, err);
        if (s != LK_OK) break;
        int64_t i = lk_frame_get_info(f).index;
        lk_eval_path(e, mask, "actors/actors/%c/%s_mask/%04d.png", actor, name, (int)i);
        if (i % EVERY == 0 && i < truth.count && lk_path_exists(mask)) {
            lk_image rgb = {0};
            s = lk_frame_to_image(f, &rgb, err);
            if (s == LK_OK) s = one_picture(e, b, &rgb, mask, truth.frames[i].lm, err);
            lk_image_clear(&rgb);
        }
        lk_frame_unref(&f);
    }
    lk_reader_close(&r);
    lk_labels_clear(&truth);
    return s == LK_END ? LK_OK : s;
}

lk_status lk_eval_masks(lk_eval *e, lk_error *err)
{
    enum { SIDE = 128 };
    bench b = {0};
    lk_status s = lk_image_new(SIDE, SIDE, 3, &b.crop, err);
    if (s == LK_OK) s = lk_image_new(SIDE, SIDE, 1, &b.mask, err);
    if (s == LK_OK) s = lk_image_new(SIDE, SIDE, 1, &b.hull, err);
    if (s == LK_OK) s = lk_image_new(SIDE, SIDE, 1, &b.truth, err);
    for (char actor = 'A'; actor <= 'D' && s == LK_OK; actor++) {
        s = one_clip(e, &b, actor, "perf", err);
        if (s == LK_OK) s = one_clip(e, &b, actor, "train", err);
    }
    if (s == LK_OK)
        s = lk_eval_report(e, "masks", "actors A-D: overlap (IoU) with the visible face",
                           b.n ? 100 * b.learned / (double)b.n : NAN, "%", "", b.n, err);
    if (s == LK_OK)
        s = lk_eval_report(e, "masks", "the same, plain hull of the true points",
                           b.n ? 100 * b.plain / (double)b.n : NAN, "%", "", b.n, err);
    lk_image_clear(&b.crop);
    lk_image_clear(&b.mask);
    lk_image_clear(&b.hull);
    lk_image_clear(&b.truth);
    return s;
}
