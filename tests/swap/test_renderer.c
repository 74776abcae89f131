/* The renderer as a whole, with a small model trained here on drawn faces: many
 * faces, none, faces that cannot be rendered, options, tracks.
 */
#include "swap/training.h"

#define W 400
#define H 300

static lk_frame *gradient(void)
{
    lk_image im;
    lk_frame *f = NULL;
    CHECK_OK(lk_image_new(W, H, 3, &im, &err), &err);
    for (int i = 0; i < W * H; i++) {
        im.data[3 * i] = 0.4f + 0.3f * (float)(i % W) / W;
        im.data[3 * i + 1] = 0.35f + 0.2f * (float)(i / W) / H;
        im.data[3 * i + 2] = 0.3f;
    }
    CHECK_OK(lk_frame_from_image(&im, &f, &err), &err);
    lk_image_clear(&im);
    return f;
}

static lk_face face_at(float cx, float cy, float side, int track)
{
    lk_face f = {.track = track};
    lk_face_mean_shape(100, 1, f.lm);
    for (int i = 0; i < LK_LANDMARKS; i++)
        f.lm[i] = (lk_point){cx + (f.lm[i].x - 50) * side / 100, cy + (f.lm[i].y - 50) * side / 100};
    return f;
}

/* Changed samples left of, and from, column `at`. */
static void changed(const lk_frame *a, const lk_frame *b, int at, int64_t *left, int64_t *right)
{
    lk_image x, y;
    CHECK_OK(lk_frame_to_image(a, &x, &err), &err);
    CHECK_OK(lk_frame_to_image(b, &y, &err), &err);
    *left = *right = 0;
    for (int i = 0; i < 3 * W * H; i++)
        if (x.data[i] != y.data[i]) ++*(i / 3 % W < at ? left : right);
    lk_image_clear(&x);
    lk_image_clear(&y);
}

static void renders(void)
{
    lesson l;
    lk_swap_train_report report;
    lk_swap_model *m = NULL;
    lk_swap_renderer *r = NULL;
    lesson_open(&l, 6);
    CHECK_OK(lesson_train(&l, &report, NULL, NULL), &err);
    CHECK_OK(lk_swap_model_open(l.model, l.world.source, l.world.target, 2, &m, &err), &err);
    CHECK_OK(lk_swap_renderer_open(m, NULL, NULL, &r, &err), &err);
    lk_frame *frame = gradient(), *out = NULL, *again = NULL;
    int64_t left, right;

    /* none: the very frame */
    CHECK_OK(lk_swap_render_frame(r, frame, NULL, 0, &out, &err), &err);
    CHECK(out == frame, "a frame without a face was copied");
    lk_frame_unref(&out);

    /* one on the left: the right half stays */
    lk_face one = face_at(100, 150, 120, 1);
    CHECK_OK(lk_swap_render_frame(r, frame, &one, 1, &out, &err), &err);
    changed(frame, out, W / 2, &left, &right);
    CHECK(left > 3000 && right == 0, "%lld samples changed left, %lld right", (long long)left,
          (long long)right);

    /* the same again after a reset: the same samples */
    lk_swap_renderer_reset(r);
    CHECK_OK(lk_swap_render_frame(r, frame, &one, 1, &again, &err), &err);
    changed(out, again, W, &left, &right);
    CHECK_INT(left, 0);
    lk_frame_unref(&out);
    lk_frame_unref(&again);

    /* more than the batch, among them one outside, one far too small, one that is not a number */
    lk_face many[6] = {face_at(90, 90, 70, 1),      face_at(-900, 50, 80, 2), face_at(300, 90, 70, 3),
                       face_at(200, 150, 3, 4),     face_at(90, 220, 70, -1), face_at(300, 220, 70, 5)};
    many[5].lm[40].y = INFINITY;
    CHECK_OK(lk_swap_render_frame(r, frame, many, 6, &out, &err), &err);
    changed(frame, out, W / 2, &left, &right);
    CHECK(left > 2000 && right > 1000, "%lld samples changed left, %lld right", (long long)left,
          (long long)right);
    lk_frame_unref(&out);

    /* only such faces: the frame itself */
    CHECK_OK(lk_swap_render_frame(r, frame, &many[1], 1, &out, &err), &err);
    CHECK(out == frame, "nothing to render, yet a copy");
    lk_frame_unref(&out);

    /* more tracks than are remembered */
    for (int t = 0; t < 80; t++) {
        lk_face f = face_at(100, 150, 60, t);
        CHECK_OK(lk_swap_render_frame(r, frame, &f, 1, &out, &err), &err);
        lk_frame_unref(&out);
    }
    lk_swap_renderer_close(&r);

    /* other sizes of the made face are put on as well */
    int64_t area[2];
    for (int i = 0; i < 2; i++) {
        lk_swap_render_options o = lk_swap_render_defaults();
        o.face_scale = i ? 1.15f : 0.9f;
        CHECK_OK(lk_swap_renderer_open(m, NULL, &o, &r, &err), &err);
        CHECK_OK(lk_swap_render_frame(r, frame, &one, 1, &out, &err), &err);
        changed(frame, out, W, &area[i], &right);
        lk_frame_unref(&out);
        lk_swap_renderer_close(&r);
    }
    CHECK(area[0] > 0 && area[1] > 0, "%lld and %lld samples", (long long)area[0], (long long)area[1]);

    /* out of memory at every point: an error or a whole frame, never a half one */
    for (int64_t n = 1; n < 200; n++) {
        lk_fault_set(LK_FAULT_ALLOC, n, false);
        lk_status s = lk_swap_renderer_open(m, NULL, NULL, &r, &err);
        if (s == LK_OK) s = lk_swap_render_frame(r, frame, &one, 1, &out, &err);
        bool hit = lk_fault_count(LK_FAULT_ALLOC) >= n;
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        CHECK(s == LK_OK || (s == LK_E_NOMEM && !out), "allocation %lld: status %d", (long long)n, (int)s);
        lk_frame_unref(&out);
        lk_swap_renderer_close(&r);
        if (!hit) break;
    }
    lk_frame_unref(&frame);
    lk_swap_model_close(&m);
    lesson_close(&l);
}

static void options_are_checked(void)
{
    lesson l;
    lk_swap_train_report report;
    lk_swap_model *m = NULL;
    lk_swap_renderer *r = NULL;
    CHECK_STATUS(lk_swap_renderer_open(NULL, NULL, NULL, &r, &err), LK_E_ARG, &err);
    lesson_open(&l, 2);
    CHECK_OK(lesson_train(&l, &report, NULL, NULL), &err);
    CHECK_OK(lk_swap_model_open(l.model, l.world.source, l.world.target, 1, &m, &err), &err);
    for (int i = 0; i < 8; i++) {
        lk_swap_render_options o = lk_swap_render_defaults();
        if (i == 0) o.color_amount = 1.5f;
        if (i == 1) o.mask_erode = -0.1f;
        if (i == 2) o.mask_feather = NAN;
        if (i == 3) o.sharpen = 2;
        if (i == 4) o.grain = -1;
        if (i == 5) o.pyramid_levels = 9;
        if (i == 6) o.face_scale = 0;
        if (i == 7) o.light_sigma = INFINITY;
        CHECK_STATUS(lk_swap_renderer_open(m, NULL, &o, &r, &err), LK_E_RANGE, &err);
        CHECK(!r, "a renderer all the same");
    }
    lk_swap_model_close(&m);
    lesson_close(&l);
}

static const check_test tests[] = {{"renders", renders}, {"options_are_checked", options_are_checked}};
CHECK_MAIN(tests)
