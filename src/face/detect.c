/* Detector inference: two passes of the net, at the working size (longest side 640 px
 * or what min_face asks for) and at half of it for faces that fill the picture; then
 * one non-maximum suppression over both.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/nets.h"

#define WORK_SIDE 640     /* px, longest side of the first pass */
#define WORK_SIDE_MAX 1280
#define SEEN_FACE 20      /* px, the smallest face the net was taught */
#define CANDIDATES 1024
#define MAX_IOU 0.4f
#define MAX_INSIDE 0.7f   /* of the smaller box: a part of a face is no second face */

typedef struct pass { lk_net *net; lk_node in; int w, h; } pass; /* size the net was planned for */

struct lk_detector {
    lk_face_model model; /* holds the parameters only; the nets are planned to the picture's size */
    pass pass[2];
    lk_image work, half;
    lk_detection found[CANDIDATES];
};

static const struct {
    const char *name;
    int stride;
} levels[LK_DETECT_LEVELS] = {{"p8", 8}, {"p16", 16}, {"p32", 32}};

float lk_rect_iou(lk_rect a, lk_rect b)
{
    float w = fminf(a.x1, b.x1) - fmaxf(a.x0, b.x0), h = fminf(a.y1, b.y1) - fmaxf(a.y0, b.y0);
    if (w <= 0 || h <= 0) return 0;
    float both = w * h;
    return both / ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both);
}

static float inside(lk_rect a, lk_rect b)
{
    float w = fminf(a.x1, b.x1) - fmaxf(a.x0, b.x0), h = fminf(a.y1, b.y1) - fmaxf(a.y0, b.y0);
    if (w <= 0 || h <= 0) return 0;
    return w * h / fminf((a.x1 - a.x0) * (a.y1 - a.y0), (b.x1 - b.x0) * (b.y1 - b.y0));
}

static int by_score(const void *a, const void *b)
{
    const lk_detection *p = a, *q = b;
    if (p->score != q->score) return p->score < q->score ? 1 : -1;
    if (p->box.x0 != q->box.x0) return p->box.x0 > q->box.x0 ? 1 : -1;
    return (p->box.y0 > q->box.y0) - (p->box.y0 < q->box.y0);
}

void lk_detection_sort(lk_detection *d, int count) { qsort(d, (size_t)count, sizeof *d, by_score); }

int lk_detection_nms(lk_detection *d, int count, float max_iou)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        bool keep = true;
        for (int k = 0; k < kept && keep; k++)
            keep = lk_rect_iou(d[k].box, d[i].box) <= max_iou && inside(d[k].box, d[i].box) <= MAX_INSIDE;
        if (keep) d[kept++] = d[i];
    }
    return kept;
}

lk_status lk_detector_open(const char *models_dir, lk_detector **out, lk_error *err)
{
    *out = NULL;
    lk_detector *d = lk_calloc(1, sizeof *d);
    if (!d) return LK_FAIL(err, LK_E_NOMEM, "no memory for the face detector");
    lk_status s = lk_face_model_open(models_dir, "face-detect", NULL, &d->model, err);
    if (s != LK_OK) {
        lk_detector_close(&d);
        return s;
    }
    *out = d;
    return LK_OK;
}

void lk_detector_close(lk_detector **d)
{
    if (!*d) return;
    for (int i = 0; i < 2; i++) lk_net_free((*d)->pass[i].net);
    lk_face_model_close(&(*d)->model);
    lk_image_clear(&(*d)->work);
    lk_image_clear(&(*d)->half);
    lk_free(*d);
    *d = NULL;
}

float lk_detector_threshold(const lk_detector *d)
{
    return d->model.threshold > 0 ? d->model.threshold : 0.5f;
}

static int padded(int side) { return (side + LK_DETECT_ALIGN - 1) / LK_DETECT_ALIGN * LK_DETECT_ALIGN; }

/* (Re)plan a pass for a picture of w x h. */
static lk_status prepare(lk_detector *d, pass *p, int w, int h, lk_error *err)
{
    w = padded(w);
    h = padded(h);
    if (p->net && p->w == w && p->h == h) return LK_OK;
    lk_net_free(p->net);
    memset(p, 0, sizeof *p);
    LK_TRY(lk_net_new(&p->net, "face-detect", d->model.params, LK_BACKEND_DNN,
                      lk_cpu_has_bf16() ? LK_BF16 : LK_F32, err));
    p->in = lk_net_face_detect(p->net, 1, h, w);
    LK_TRY(lk_net_plan(p->net, false, 1, err));
    if (d->model.weights) { /* the parameters exist once the first net is planned */
        LK_TRY(lk_params_load(d->model.params, d->model.weights, LK_LOAD_EXACT, NULL, NULL, NULL, err));
        lk_safetensors_close(d->model.weights);
        d->model.weights = NULL;
    }
    LK_TRY(lk_net_bind(p->net, err));
    lk_net_refresh(p->net);
    p->w = w;
    p->h = h;
    return LK_OK;
}

int lk_detect_decode(lk_net *net, int sample, int w, int h, float min_logit, lk_detection *out, int max)
{
    int count = 0;
    for (int l = 0; l < LK_DETECT_LEVELS; l++) {
        const lk_tensor *t = lk_net_out(net, levels[l].name);
        const float *v = (const float *)t->data + (size_t)sample * t->shape.h * t->shape.w * LK_DETECT_OUT;
        float stride = (float)levels[l].stride;
        for (int y = 0; y < t->shape.h; y++)
            for (int x = 0; x < t->shape.w; x++, v += LK_DETECT_OUT) {
                if (!(v[0] >= min_logit) || count == max) continue;
                float cx = (x + 0.5f + v[1]) * stride - 0.5f, cy = (y + 0.5f + v[2]) * stride - 0.5f;
                float bw = 4 * stride * expf(LK_CLAMP(v[3], -4.0f, 4.0f)),
                      bh = 4 * stride * expf(LK_CLAMP(v[4], -4.0f, 4.0f));
                if (cx < 0 || cy < 0 || cx >= w || cy >= h) continue;
                out[count++] = (lk_detection){{cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2},
                                              1.0f / (1.0f + expf(-v[0]))};
            }
    }
    return count;
}

/* Run one pass over im (sx, sy: its pixels per picture pixel) and append what scores above the threshold. */
static void detect(pass *p, const lk_image *im, float sx, float sy, float min_logit, float min_face,
                   lk_detection *found, int *count)
{
    float *in = lk_net_in(p->net, p->in)->data;
    for (int y = 0; y < p->h; y++) {
        float *row = in + (size_t)y * p->w * 3;
        int used = y < im->h ? im->w * 3 : 0;
        const float *src = im->data + (size_t)LK_MIN(y, im->h - 1) * im->w * 3;
        for (int x = 0; x < used; x++) row[x] = lk_net_pixel(src[x]);
        memset(row + used, 0, (size_t)(p->w * 3 - used) * sizeof *row); /* mid-grey */
    }
    lk_net_forward(p->net);
    int first = *count,
        n = lk_detect_decode(p->net, 0, im->w, im->h, min_logit, found + first, CANDIDATES - first);
    for (int i = first; i < first + n; i++) {
        lk_rect *b = &found[i].box;
        *b = (lk_rect){(b->x0 + 0.5f) / sx - 0.5f, (b->y0 + 0.5f) / sy - 0.5f, (b->x1 + 0.5f) / sx - 0.5f,
                       (b->y1 + 0.5f) / sy - 0.5f};
        if (b->y1 - b->y0 >= min_face) found[(*count)++] = found[i];
    }
}

static lk_status sized(lk_image *im, int w, int h, lk_error *err)
{
    if (im->data && im->w == w && im->h == h) return LK_OK;
    lk_image_clear(im);
    return lk_image_new(w, h, 3, im, err);
}

lk_status lk_detector_run(lk_detector *d, const lk_image *rgb, float min_face, float threshold,
                          lk_detection *out, int max, int *count, lk_error *err)
{
    *count = 0;
    if (rgb->c != 3 || rgb->w < 1 || rgb->h < 1)
        return LK_FAIL(err, LK_E_ARG, "face detection needs an RGB picture");
    if (!(min_face > 0)) min_face = 24;
    if (!(threshold > 0)) threshold = lk_detector_threshold(d);
    threshold = LK_CLAMP(threshold, 0.001f, 0.999f);
    float min_logit = logf(threshold / (1 - threshold));
    float longest = (float)LK_MAX(rgb->w, rgb->h);
    float scale = fmaxf(WORK_SIDE / longest, fminf(SEEN_FACE / min_face, WORK_SIDE_MAX / longest));
    scale = fminf(scale, 1);
    int w = LK_MAX((int)lrintf(rgb->w * scale), 1), h = LK_MAX((int)lrintf(rgb->h * scale), 1);

    const lk_image *work = rgb;
    if (w != rgb->w || h != rgb->h) {
        LK_TRY(sized(&d->work, w, h, err));
        lk_image_resize(rgb, &d->work, LK_FILTER_AREA);
        work = &d->work;
    }
    int found = 0;
    LK_TRY(prepare(d, &d->pass[0], w, h, err));
    detect(&d->pass[0], work, (float)w / rgb->w, (float)h / rgb->h, min_logit, min_face * 0.9f, d->found,
           &found);
    if (LK_MIN(w, h) > 160) { /* a face too large for the first pass */
        int hw = w / 2, hh = h / 2;
        LK_TRY(sized(&d->half, hw, hh, err));
        lk_image_resize(work, &d->half, LK_FILTER_AREA);
        LK_TRY(prepare(d, &d->pass[1], hw, hh, err));
        detect(&d->pass[1], &d->half, (float)hw / rgb->w, (float)hh / rgb->h, min_logit, min_face * 0.9f,
               d->found, &found);
    }
    lk_detection_sort(d->found, found);
    found = lk_detection_nms(d->found, found, MAX_IOU);
    *count = LK_MIN(found, max);
    memcpy(out, d->found, (size_t)*count * sizeof *out);
    return LK_OK;
}
