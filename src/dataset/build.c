/* build.c: samples are collected in memory as they will lie in the file, thinned
 * when there are too many, and written at once. The grant is checked when the
 * builder is made, every few samples, and before the file is written. */
#include "dataset/internal.h"
#include "dataset/vault.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SOURCES_MAX LK_BIND_PARENTS
#define CHECK_EVERY 64 /* samples between two looks at the consent record */

struct lk_dataset_builder {
    const lk_grant *grant;
    lk_use use;
    int keep, cap, count;
    uint8_t *rgb, *mask;
    float *lm, *info;
    int32_t *index;
    lk_hash source[SOURCES_MAX];
    int sources;
    lk_image crop, hull; /* LK_SAMPLE_SIZE, scratch */
};

lk_status lk_dataset_builder_new(const lk_grant *g, lk_use use, int max_samples, lk_dataset_builder **out,
                                 lk_error *err)
{
    *out = NULL;
    LK_TRY(lk_grant_check(g, use, err));
    if (max_samples < 0 || max_samples > DATASET_LIMIT)
        return LK_FAIL(err, LK_E_RANGE, "a dataset of %d samples is outside 1..%d", max_samples,
                       DATASET_LIMIT);
    lk_dataset_builder *b = lk_calloc(1, sizeof *b);
    if (!b) return LK_FAIL(err, LK_E_NOMEM, "no memory for a dataset");
    b->grant = g;
    b->use = use;
    b->keep = max_samples ? max_samples : DATASET_DEFAULT_MAX;
    lk_status s = lk_image_new(LK_SAMPLE_SIZE, LK_SAMPLE_SIZE, 3, &b->crop, err);
    if (s == LK_OK) s = lk_image_new(LK_SAMPLE_SIZE, LK_SAMPLE_SIZE, 1, &b->hull, err);
    if (s != LK_OK) lk_dataset_builder_free(&b);
    *out = b;
    return s;
}

void lk_dataset_builder_free(lk_dataset_builder **b)
{
    if (!*b) return;
    lk_free((*b)->rgb);
    lk_free((*b)->mask);
    lk_free((*b)->lm);
    lk_free((*b)->info);
    lk_free((*b)->index);
    lk_image_clear(&(*b)->crop);
    lk_image_clear(&(*b)->hull);
    lk_free(*b);
    *b = NULL;
}

static lk_sample sample_at(const lk_dataset_builder *b, int i)
{
    const float *info = b->info + (size_t)i * DATASET_INFO;
    return (lk_sample){.rgb = b->rgb + (size_t)i * DATASET_PIXELS * 3,
                       .mask = b->mask + (size_t)i * DATASET_PIXELS,
                       .lm = b->lm + (size_t)i * 2 * LK_LANDMARKS,
                       .yaw = info[0], .pitch = info[1], .roll = info[2], .sharpness = info[3],
                           .scale = info[4],
                       .frame = b->index[2 * i], .clip = b->index[2 * i + 1]};
}

/* Grow one array; the old content moves along. */
static bool grow(void **p, size_t element, int old_cap, int cap)
{
    void *q = lk_realloc(*p, (size_t)old_cap * element, (size_t)cap * element);
    if (q) *p = q;
    return q != NULL;
}

static lk_status reserve(lk_dataset_builder *b, lk_error *err)
{
    if (b->count < b->cap) return LK_OK;
    int cap = LK_MIN(LK_MAX(b->cap * 2, 64), b->keep + b->keep / 2 + 1);
    if (!grow((void **)&b->rgb, DATASET_PIXELS * 3, b->cap, cap) ||
        !grow((void **)&b->mask, DATASET_PIXELS, b->cap, cap) ||
        !grow((void **)&b->lm, 2 * LK_LANDMARKS * sizeof(float), b->cap, cap) ||
        !grow((void **)&b->info, DATASET_INFO * sizeof(float), b->cap, cap) ||
        !grow((void **)&b->index, 2 * sizeof(int32_t), b->cap, cap))
        return LK_FAIL(err, LK_E_NOMEM, "no memory for %d face samples (about %d MB): use fewer", cap,
                       (int)((size_t)cap * DATASET_PIXELS * 4 >> 20));
    b->cap = cap;
    return LK_OK;
}

/* Drop the least useful until keep are left; the order stays. */
static lk_status thin(lk_dataset_builder *b, lk_error *err)
{
    if (b->count <= b->keep) return LK_OK;
    lk_sample *s = lk_alloc((size_t)b->count * sizeof *s);
    bool *chosen = lk_calloc((size_t)b->count, sizeof *chosen);
    lk_status status = LK_OK;
    if (!s || !chosen) status = LK_FAIL(err, LK_E_NOMEM, "no memory to choose among %d samples", b->count);
    for (int i = 0; i < b->count && status == LK_OK; i++) s[i] = sample_at(b, i);
    if (status == LK_OK) status = dataset_thin(s, b->count, b->keep, chosen, err);
    if (status == LK_OK) {
        int to = 0;
        for (int i = 0; i < b->count; i++) {
            if (!chosen[i]) continue;
            if (to != i) {
                memcpy(b->rgb + (size_t)to * DATASET_PIXELS * 3, s[i].rgb, DATASET_PIXELS * 3);
                memcpy(b->mask + (size_t)to * DATASET_PIXELS, s[i].mask, DATASET_PIXELS);
                memcpy(b->lm + (size_t)to * 2 * LK_LANDMARKS, s[i].lm, 2 * LK_LANDMARKS * sizeof(float));
                memcpy(b->info + (size_t)to * DATASET_INFO, b->info + (size_t)i * DATASET_INFO,
                       DATASET_INFO * sizeof(float));
                memcpy(b->index + 2 * to, b->index + 2 * i, 2 * sizeof(int32_t));
            }
            to++;
        }
        b->count = to;
    }
    lk_free(s);
    lk_free(chosen);
    return status;
}

lk_status lk_dataset_builder_source(lk_dataset_builder *b, const lk_hash *file, lk_error *err)
{
    if (b->sources == SOURCES_MAX)
        return LK_FAIL(err, LK_E_RANGE, "a dataset is made of at most %d files; import the rest into another",
                       SOURCES_MAX);
    b->source[b->sources++] = *file;
    return LK_OK;
}

static uint8_t byte_of(float v) { return (uint8_t)(LK_CLAMP(v, 0.0f, 1.0f) * 255.0f + 0.5f); }

lk_status lk_dataset_builder_add(lk_dataset_builder *b, const lk_image *frame,
                                 const lk_point lm[LK_LANDMARKS], const lk_image *mask_crop, int frame_number,
                                     int clip, lk_error *err)
{
    if (b->count % CHECK_EVERY == 0) LK_TRY(lk_grant_check(b->grant, b->use, err));
    if (frame->c != 3)
        return LK_FAIL(err, LK_E_ARG, "frame %d: a face sample needs an RGB picture", frame_number);
    if (mask_crop && (mask_crop->c != 1 || mask_crop->w != LK_SAMPLE_SIZE || mask_crop->h != LK_SAMPLE_SIZE))
        return LK_FAIL(err, LK_E_ARG, "frame %d: the mask must be %d x %d, one channel", frame_number,
                       LK_SAMPLE_SIZE, LK_SAMPLE_SIZE);
    for (int i = 0; i < LK_LANDMARKS; i++)
        if (!isfinite(lm[i].x) || !isfinite(lm[i].y))
            return LK_FAIL(err, LK_E_ARG, "frame %d: a landmark is not a number", frame_number);
    LK_TRY(reserve(b, err));

    lk_affine to_crop = lk_face_align(lm, LK_SAMPLE_SIZE, LK_SAMPLE_COVERAGE);
    float scale = sqrtf(fabsf(to_crop.a * to_crop.e - to_crop.b * to_crop.d));
    if (!isfinite(scale) || scale <= 0.0f)
        return LK_FAIL(err, LK_E_ARG, "frame %d: the landmarks fall on one point", frame_number);
    lk_image_warp(frame, &b->crop, lk_affine_invert(to_crop), scale < 0.7f ? LK_FILTER_AREA : LK_FILTER_CUBIC,
                  LK_BORDER_CLAMP);
    lk_point in_crop[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++)
        lk_affine_apply(to_crop, lm[i].x, lm[i].y, &in_crop[i].x, &in_crop[i].y);
    LK_TRY(lk_face_hull_mask(in_crop, &b->hull, 2.0f, err));

    uint8_t *rgb = b->rgb + (size_t)b->count * DATASET_PIXELS * 3;
    uint8_t *mask = b->mask + (size_t)b->count * DATASET_PIXELS;
    for (int i = 0; i < 3 * DATASET_PIXELS; i++) rgb[i] = byte_of(b->crop.data[i]);
    /* The visible face can only be inside the hull; a learned mask takes hands and hair off it. */
    for (int i = 0; i < DATASET_PIXELS; i++)
        mask[i] = byte_of(mask_crop ? b->hull.data[i] * mask_crop->data[i] : b->hull.data[i]);
    memcpy(b->lm + (size_t)b->count * 2 * LK_LANDMARKS, in_crop, sizeof in_crop);
    float *info = b->info + (size_t)b->count * DATASET_INFO;
    lk_face_pose(lm, &info[0], &info[1], &info[2]);
    info[3] = dataset_sharpness(rgb, mask);
    info[4] = scale;
    b->index[2 * b->count] = frame_number;
    b->index[2 * b->count + 1] = clip;
    b->count++;
    if (b->count > b->keep + b->keep / 2) return thin(b, err);
    return LK_OK;
}

lk_status lk_dataset_builder_finish(lk_dataset_builder **pb, const char *path, lk_hash *hash, lk_error *err)
{
    lk_dataset_builder *b = *pb;
    lk_status s = lk_grant_check(b->grant, b->use, err);
    if (s == LK_OK && !b->count)
        s = LK_FAIL(err, LK_E_NOTFOUND, "no face was found for %s: nothing to learn from",
                    lk_grant_subject_name(b->grant));
    if (s == LK_OK) s = thin(b, err);
    lk_bind_info *what = NULL;
    lk_bind_key *key = NULL;
    if (s == LK_OK && !(what = lk_calloc(1, sizeof *what)))
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for the header of '%s'", path);
    if (s == LK_OK) {
        memcpy(what->parents, b->source, sizeof *b->source * (size_t)b->sources);
        what->parent_count = b->sources;
        snprintf(what->detail, sizeof what->detail, "{\"format\":\"%s\",\"samples\":%d}", DATASET_FORMAT, b->count);
        s = lk_bind_key_new(DATASET_KIND, path, &b->grant, 1, &key, err);
    }
    if (s == LK_OK) {
        size_t n = (size_t)b->count;
        int64_t c = b->count, w = LK_SAMPLE_SIZE;
        lk_named_tensor t[] = {
            {.name = "rgb", .dtype = "U8", .rank = 4, .dim = {c, w, w, 3}, .data = b->rgb,
             .bytes = n * DATASET_PIXELS * 3},
            {.name = "mask", .dtype = "U8", .rank = 3, .dim = {c, w, w}, .data = b->mask,
             .bytes = n * DATASET_PIXELS},
            {.name = "landmarks", .dtype = "F32", .rank = 3, .dim = {c, LK_LANDMARKS, 2}, .data = b->lm,
             .bytes = n * 2 * LK_LANDMARKS * 4},
            {.name = "info", .dtype = "F32", .rank = 2, .dim = {c, DATASET_INFO}, .data = b->info,
             .bytes = n * DATASET_INFO * 4},
            {.name = "index", .dtype = "I32", .rank = 2, .dim = {c, 2}, .data = b->index, .bytes = n * 2 * 4},
        };
        s = lk_vault_write(key, path, what, t, (int)LK_COUNT(t), "", hash, err);
    }
    lk_bind_key_free(&key);
    lk_free(what);
    lk_dataset_builder_free(pb);
    return s;
}
