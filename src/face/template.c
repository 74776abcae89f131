/* template.c: from well-conditioned pictures of one face to a template; comparing; bytes. */
#include "face/template.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/calibration.h"
#include "face/nets.h"

#define GOOD_EYES 60.0f     /* px between the outer eye corners; larger faces are no better for a 96 px crop */
#define YAW_BIN 15.0f       /* degrees: poses nearer than that count as one */
#define BLURRED 0.4f        /* of the median sharpness of the same face: motion, not the camera */
#define MIXED_LENGTH 0.05f  /* of the mean embedding: below, the pictures have nothing in common */

lk_template_options lk_template_defaults(void)
{
    return (lk_template_options){.max_frames = LK_TEMPLATE_FRAMES, .min_frames = 3, .min_quality = 0.5f,
                                 .max_yaw = 40, .min_eyes = 24, .min_sharp = 0.05f};
}

lk_status lk_template_begin(lk_template_builder *b, lk_analyser *a, const lk_template_options *o, lk_error *err)
{
    memset(b, 0, sizeof *b);
    b->a = a;
    b->o = o ? *o : lk_template_defaults();
    b->o.max_frames = LK_CLAMP(b->o.max_frames, 1, LK_TEMPLATE_FRAMES);
    if (b->o.min_frames < 1 || b->o.min_frames > b->o.max_frames)
        return LK_FAIL(err, LK_E_ARG, "a face template of at most %d frames cannot need %d", b->o.max_frames,
                       b->o.min_frames);
    return lk_image_new(LK_NET_CROP, LK_NET_CROP, 3, &b->crop, err);
}

void lk_template_clear(lk_template_builder *b)
{
    lk_image_clear(&b->crop);
    lk_wipe(b, sizeof *b); /* embeddings are somebody's biometric data */
}

float lk_face_sharpness(const lk_image *crop)
{
    double sum = 0, square = 0, step = 0;
    int64_t n = 0;
    if (crop->c != 3) return 0;
    int w = crop->w;
    for (int y = crop->h / 6; y < crop->h * 5 / 6 - 1; y++)
        for (int x = w / 6; x < w * 5 / 6 - 1; x++) {
            const float *p = crop->data + ((size_t)y * (size_t)w + (size_t)x) * 3;
            double here = p[1], right = p[4], below = p[(size_t)w * 3 + 1]; /* green carries most of the detail */
            sum += here;
            square += here * here;
            step += 0.5 * (fabs(right - here) + fabs(below - here));
            n++;
        }
    if (!n) return 0;
    double deviation = sqrt(fmax(square / (double)n - sum / (double)n * (sum / (double)n), 0));
    return deviation > 1e-3 ? (float)(step / (double)n / deviation) : 0;
}

bool lk_template_fit(const lk_template_options *o, const lk_face *face, lk_template_tally *tally)
{
    lk_template_tally none;
    if (!tally) memset(tally = &none, 0, sizeof none);
    tally->seen++;
    if (!(face->quality >= o->min_quality)) return tally->unclear++, false;
    if (!(lk_face_interocular(face->lm) >= o->min_eyes * cosf(face->yaw * 0.01745329f))) return tally->small++, false;
    if (!(fabsf(face->yaw) <= o->max_yaw) || !(fabsf(face->pitch) <= o->max_yaw)) return tally->turned++, false;
    return true;
}

float lk_template_merit(const lk_face *face)
{
    float turn = (fabsf(face->yaw) + 0.5f * fabsf(face->pitch)) / 90;
    return face->quality * fminf(lk_face_interocular(face->lm) / GOOD_EYES, 1) * fmaxf(1 - turn, 0.05f);
}

static int bin(float yaw) { return (int)floorf(yaw / YAW_BIN + 0.5f); }

/* Where the next frame goes: a free place, or that of the poorest of the pose held most often; NULL when the new one
 * is no better. */
static lk_template_frame *place_for(lk_template_builder *b, float merit)
{
    if (b->count < b->o.max_frames) return &b->frame[b->count++];
    lk_template_frame *poorest = NULL;
    int most = 0;
    for (int i = 0; i < b->count; i++) {
        int alike = 0;
        for (int k = 0; k < b->count; k++) alike += bin(b->frame[k].yaw) == bin(b->frame[i].yaw);
        if (alike > most || (alike == most && b->frame[i].merit < poorest->merit)) {
            most = alike;
            poorest = &b->frame[i];
        }
    }
    return poorest->merit < merit ? poorest : NULL;
}

static lk_status add(lk_template_builder *b, const lk_image *crop, float merit, float yaw, int64_t tag, lk_error *err)
{
    float sharp = lk_face_sharpness(crop), v[LK_EMBEDDING];
    if (sharp < b->o.min_sharp) return b->tally.blurred++, LK_OK;
    LK_TRY(lk_face_embed(b->a, crop, v, err));
    lk_template_frame *to = place_for(b, merit);
    if (!to) return LK_OK;
    memcpy(to->v, v, sizeof v);
    to->sharp = sharp;
    to->merit = merit;
    to->yaw = yaw;
    to->tag = tag;
    return LK_OK;
}

lk_status lk_template_add_face(lk_template_builder *b, const lk_face *face, const lk_image *rgb, int64_t tag,
                               lk_error *err)
{
    if (rgb->c != 3) return LK_FAIL(err, LK_E_ARG, "a face template needs RGB pictures");
    if (!lk_template_fit(&b->o, face, &b->tally)) return LK_OK;
    lk_affine to_crop = lk_face_align(face->lm, LK_NET_CROP, LK_FACE_CROP_COVERAGE);
    lk_image_warp(rgb, &b->crop, lk_affine_invert(to_crop), LK_FILTER_AREA, LK_BORDER_CLAMP);
    return add(b, &b->crop, lk_template_merit(face), face->yaw, tag, err);
}

lk_status lk_template_add_crop(lk_template_builder *b, const lk_image *crop, float yaw, int64_t tag, lk_error *err)
{
    if (crop->c != 3 || crop->w != crop->h || crop->w < 8)
        return LK_FAIL(err, LK_E_ARG, "a face template needs square RGB crops of at least 8 px");
    const lk_image *use = crop;
    if (crop->w != LK_NET_CROP) {
        lk_image_resize(crop, &b->crop, LK_FILTER_AREA);
        use = &b->crop;
    }
    b->tally.seen++;
    return add(b, use, fmaxf(1 - fabsf(yaw) / 90, 0.05f), yaw, tag, err);
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The sharpness below which a frame is left out beside the others. */
static float least_sharp(const lk_template_builder *b)
{
    float s[LK_TEMPLATE_FRAMES];
    for (int i = 0; i < b->count; i++) s[i] = b->frame[i].sharp;
    qsort(s, (size_t)b->count, sizeof *s, rising);
    return b->count ? BLURRED * s[b->count / 2] : 0;
}

int64_t lk_template_best(const lk_template_builder *b)
{
    const lk_template_frame *best = NULL;
    for (int i = 0; i < b->count; i++) {
        const lk_template_frame *f = &b->frame[i];
        if (!best || f->sharp * f->merit > best->sharp * best->merit) best = f;
    }
    return best ? best->tag : -1;
}

lk_status lk_template_finish(const lk_template_builder *b, lk_face_template *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    const lk_face_calibration *c;
    LK_TRY(lk_analyser_calibration(b->a, &c, err));
    double sum[LK_EMBEDDING] = {0}, n = 0;
    float least = least_sharp(b);
    int used = 0, blurred = b->tally.blurred;
    for (int i = 0; i < b->count; i++) {
        if (b->frame[i].sharp < least) {
            blurred++;
            continue;
        }
        used++;
        for (int k = 0; k < LK_EMBEDDING; k++) sum[k] += b->frame[i].v[k];
    }
    const lk_template_tally *t = &b->tally;
    if (used < b->o.min_frames)
        return LK_FAIL(err, LK_E_NOTFOUND,
                       "too few clear pictures of the face: %d of %d, %d are needed (%d too small, %d turned away, %d "
                       "unclear, %d blurred); use more or better lit footage that faces the camera",
                       used, t->seen, b->o.min_frames, t->small, t->turned, t->unclear, blurred);
    for (int k = 0; k < LK_EMBEDDING; k++) n += sum[k] * sum[k];
    n = sqrt(n);
    if (!(n > MIXED_LENGTH * used))
        return LK_FAIL(err, LK_E_NOTFOUND, "the %d pictures have no face in common; use pictures of one person", used);
    for (int k = 0; k < LK_EMBEDDING; k++) out->v[k] = (float)(sum[k] / n);
    out->frames = used;
    out->spread = fmaxf((float)(1 - n / used), 0);
    out->model = c->model;
    return LK_OK;
}

lk_status lk_face_template_compare(const lk_face_template *a, const lk_face_template *b, float *score, lk_error *err)
{
    *score = -INFINITY; /* whoever overlooks the status refuses */
    if (!lk_hash_equal(&a->model, &b->model))
        return LK_FAIL(err, LK_E_STATE,
                       "two face templates were made by different versions of the identity network and cannot be "
                       "compared; enrol the older one again");
    if (a->frames < 1 || b->frames < 1)
        return LK_FAIL(err, LK_E_ARG, "an empty face template cannot be compared");
    *score = lk_embedding_cosine(a->v, b->v);
    return LK_OK;
}
