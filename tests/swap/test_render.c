/* Putting a made face on a frame: what must not change does not, what must match
 * matches, at every size and at the edges. The made face is a picture drawn here.
 */
#include "check.h"
#include "make/swap/render.h"

#include <omp.h>

#define SIZE 96

static lk_error err;

/* --- a scene ----------------------------------------------------------------------------- */

typedef struct scene {
    lk_frame *frame;
    lk_image picture, crop, made, ones;
    lk_point lm[LK_LANDMARKS];
    lk_affine to_crop;
} scene;

/* Smooth skin-like colours: what a crop of 96 px can hold at any scale. */
static void paint(lk_image *im, float period)
{
    for (int y = 0; y < im->h; y++)
        for (int x = 0; x < im->w; x++) {
            float *p = &im->data[3 * ((size_t)y * (size_t)im->w + (size_t)x)], u = (float)x / period,
                  v = (float)y / period;
            p[0] = 0.62f + 0.12f * sinf(u) * cosf(v);
            p[1] = 0.48f + 0.10f * sinf(u + 1) * cosf(v);
            p[2] = 0.40f + 0.08f * sinf(v + 2);
        }
}

/* A face whose crop covers `side` frame pixels, its middle at cx, cy, turned by `roll` degrees. */
static void place(scene *s, float side, float cx, float cy, float roll)
{
    float r = roll * (float)M_PI / 180, k = side / SIZE;
    lk_face_mean_shape(SIZE, 1, s->lm);
    for (int i = 0; i < LK_LANDMARKS; i++) {
        float x = (s->lm[i].x - SIZE / 2.0f) * k, y = (s->lm[i].y - SIZE / 2.0f) * k;
        s->lm[i] = (lk_point){cx + cosf(r) * x - sinf(r) * y, cy + sinf(r) * x + cosf(r) * y};
    }
    s->to_crop = lk_face_align(s->lm, SIZE, 1);
}

static void scene_new(scene *s, int w, int h, float side, float cx, float cy, float roll)
{
    memset(s, 0, sizeof *s);
    CHECK_OK(lk_image_new(w, h, 3, &s->picture, &err), &err);
    CHECK_OK(lk_image_new(SIZE, SIZE, 3, &s->crop, &err), &err);
    CHECK_OK(lk_image_new(SIZE, SIZE, 3, &s->made, &err), &err);
    CHECK_OK(lk_image_new(SIZE, SIZE, 1, &s->ones, &err), &err);
    for (int i = 0; i < SIZE * SIZE; i++) s->ones.data[i] = 1;
    paint(&s->picture, side / 5);
    CHECK_OK(lk_frame_from_image(&s->picture, &s->frame, &err), &err);
    place(s, side, cx, cy, roll);
}

static void scene_free(scene *s)
{
    lk_frame_unref(&s->frame);
    lk_image_clear(&s->picture);
    lk_image_clear(&s->crop);
    lk_image_clear(&s->made);
    lk_image_clear(&s->ones);
}

static lk_swap_render_options plain(void)
{
    lk_swap_render_options o = lk_swap_render_defaults();
    o.grain = 0;
    return o;
}

/* Renders `made` (NULL: the crop itself) and returns the new frame. */
static lk_frame *render(scene *s, lk_swap_compositor *c, const lk_image *made, const lk_image *visible,
                        lk_swap_steady *steady)
{
    lk_frame *out = NULL;
    CHECK_OK(lk_frame_writable(s->frame, &out, &err), &err);
    CHECK_OK(lk_swap_cut(c, s->frame, s->to_crop, &s->crop, &err), &err);
    memcpy(s->made.data, made ? made->data : s->crop.data, 3 * SIZE * SIZE * sizeof(float));
    CHECK_OK(
        lk_swap_composite(c, out, s->to_crop, s->lm, &s->crop, &s->made, &s->ones, visible, steady, &err),
        &err);
    return out;
}

typedef struct change { double inside, outside; int changed; } change;

/* Largest change in coded values inside and outside the hull grown by `grow` crop pixels. */
static change changes(const scene *s, const lk_frame *out, float grow)
{
    change c = {0, 0, 0};
    lk_image before, after;
    CHECK_OK(lk_frame_to_image(s->frame, &before, &err), &err);
    CHECK_OK(lk_frame_to_image(out, &after, &err), &err);
    lk_point in_crop[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++)
        lk_affine_apply(s->to_crop, s->lm[i].x, s->lm[i].y, &in_crop[i].x, &in_crop[i].y);
    lk_image hull, wide;
    CHECK_OK(lk_image_new(SIZE, SIZE, 1, &hull, &err), &err);
    CHECK_OK(lk_image_new(SIZE, SIZE, 1, &wide, &err), &err);
    CHECK_OK(lk_face_hull_mask(in_crop, &hull, 0, &err), &err);
    int g = (int)grow;
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++)
            for (int j = -g; j <= g; j++)
                for (int i = -g; i <= g; i++)
                    if (x + i >= 0 && y + j >= 0 && x + i < SIZE && y + j < SIZE &&
                        hull.data[(y + j) * SIZE + x + i] > 0)
                        wide.data[y * SIZE + x] = 1;
    for (int y = 0; y < before.h; y++) {
        for (int x = 0; x < before.w; x++) {
            float u, v;
            lk_affine_apply(s->to_crop, (float)x, (float)y, &u, &v);
            int cu = (int)lroundf(u), cv = (int)lroundf(v);
            bool in = cu >= 0 && cv >= 0 && cu < SIZE && cv < SIZE && wide.data[cv * SIZE + cu] > 0;
            for (int k = 0; k < 3; k++) {
                size_t at = 3 * ((size_t)y * (size_t)before.w + (size_t)x) + (size_t)k;
                double d = 255 * fabs((double)(after.data[at] - before.data[at]));
                if (d > 0) c.changed++;
                if (in) c.inside = fmax(c.inside, d);
                else c.outside = fmax(c.outside, d);
            }
        }
    }
    lk_image_clear(&before);
    lk_image_clear(&after);
    lk_image_clear(&hull);
    lk_image_clear(&wide);
    return c;
}

static lk_swap_compositor *open_compositor(lk_swap_render_options o)
{
    lk_swap_compositor *c = NULL;
    CHECK_OK(lk_swap_compositor_open(SIZE, &o, &c, &err), &err);
    return c;
}

/* --- frames -------------------------------------------------------------------------------- */

static void identity_changes_nothing(void)
{
    /* normal, turned, tiny, larger than the work rectangle, cut by every edge */
    static const struct { int w, h; float side, cx, cy, roll;
    } at[] = {{320, 240, 150, 160, 120, 0},    {320, 240, 96, 150, 110, 33}, {160, 120, 24, 80, 60, -10},
              {1800, 1400, 1300, 900, 700, 8}, {320, 240, 150, 10, 120, 0},  {320, 240, 150, 315, 120, 5},
              {320, 240, 150, 160, 5, 0},      {321, 241, 151, 160, 236, 12}};
    for (size_t i = 0; i < LK_COUNT(at); i++) {
        for (int levels = 0; levels <= 5; levels += 5) {
            scene s;
            lk_swap_render_options o = plain();
            o.pyramid_levels = levels;
            lk_swap_compositor *c = open_compositor(o);
            scene_new(&s, at[i].w, at[i].h, at[i].side, at[i].cx, at[i].cy, at[i].roll);
            lk_frame *out = render(&s, c, NULL, NULL, NULL);
            change d = changes(&s, out, 6); /* the soft rim reaches beyond the hull */
            CHECK(d.inside <= 1.51, "place %zu, %d levels: changed by %g code values", i, levels, d.inside);
            CHECK(d.outside == 0, "place %zu, %d levels: %g outside", i, levels, d.outside);
            lk_frame_unref(&out);
            lk_swap_compositor_close(&c);
            scene_free(&s);
        }
    }
}

/* A face of another colour is put on inside and nowhere else; its colour comes out as the frame's when
 * matched. */
static void a_made_face_is_put_on(void)
{
    for (int color = 0; color < LK_COLORS; color++) {
        scene s;
        lk_swap_render_options o = plain();
        o.color = (lk_swap_color)color;
        o.color_amount = 1;
        lk_swap_compositor *c = open_compositor(o);
        scene_new(&s, 320, 240, 150, 160, 120, 0);
        CHECK_OK(lk_swap_cut(c, s.frame, s.to_crop, &s.crop, &err), &err);
        lk_image made;
        CHECK_OK(lk_image_copy(&s.crop, &made, &err), &err);
        for (int i = 0; i < SIZE * SIZE; i++) { /* another light: warm, darker */
            made.data[3 * i] *= 0.8f;
            made.data[3 * i + 1] *= 0.7f;
            made.data[3 * i + 2] *= 0.55f;
        }
        lk_frame *out = render(&s, c, &made, NULL, NULL);
        change d = changes(&s, out, 6);
        CHECK(d.outside == 0, "colour %d: %g outside", color, d.outside);
        if (color == LK_COLOR_NONE) CHECK(d.inside > 30, "the face was not put on: %g", d.inside);
        else CHECK(d.inside < 8, "colour %d leaves %g code values", color, d.inside);
        lk_frame_unref(&out);
        lk_image_clear(&made);
        lk_swap_compositor_close(&c);
        scene_free(&s);
    }
}

static void an_occluder_stays(void)
{
    scene s;
    lk_swap_compositor *c = open_compositor(plain());
    scene_new(&s, 320, 240, 150, 160, 120, 0);
    lk_image red, visible;
    CHECK_OK(lk_image_new(SIZE, SIZE, 3, &red, &err), &err);
    CHECK_OK(lk_image_new(SIZE, SIZE, 1, &visible, &err), &err);
    for (int i = 0; i < SIZE * SIZE; i++) red.data[3 * i] = 1;
    for (int i = 0; i < SIZE * SIZE; i++)
        visible.data[i] = i % SIZE < SIZE / 2; /* the right half is covered */
    lk_frame *out = render(&s, c, &red, &visible, NULL);
    lk_image before, after;
    CHECK_OK(lk_frame_to_image(s.frame, &before, &err), &err);
    CHECK_OK(lk_frame_to_image(out, &after, &err), &err);
    lk_affine back = lk_affine_invert(s.to_crop);
    double covered = 0, open = 0;
    for (int y = 20; y < 80; y++) {
        for (int x = 20; x < 80; x++) {
            float fx, fy;
            lk_affine_apply(back, (float)x, (float)y, &fx, &fy);
            size_t at = 3 * ((size_t)lroundf(fy) * (size_t)before.w + (size_t)lroundf(fx));
            double d = fabs((double)(after.data[at + 1] - before.data[at + 1]));
            if (x > SIZE / 2 + 3) covered = fmax(covered, d);
            if (x < SIZE / 2 - 10) open = fmax(open, d);
        }
    }
    CHECK(covered == 0, "the occluder changed by %g", covered);
    CHECK(open > 0.02, "the open half did not change");
    lk_frame_unref(&out);
    /* wholly covered: the very same samples */
    memset(visible.data, 0, SIZE * SIZE * sizeof(float));
    out = render(&s, c, &red, &visible, NULL);
    CHECK_INT(changes(&s, out, 2).changed, 0);
    lk_frame_unref(&out);
    lk_image_clear(&before);
    lk_image_clear(&after);
    lk_image_clear(&red);
    lk_image_clear(&visible);
    lk_swap_compositor_close(&c);
    scene_free(&s);
}

static void outside_the_frame(void)
{
    scene s;
    lk_swap_compositor *c = open_compositor(plain());
    scene_new(&s, 160, 120, 60, 400, 400, 0);
    CHECK_STATUS(lk_swap_cut(c, s.frame, s.to_crop, &s.crop, &err), LK_E_RANGE, &err);
    lk_frame *out = NULL;
    CHECK_OK(lk_frame_writable(s.frame, &out, &err), &err);
    CHECK_OK(lk_swap_composite(c, out, s.to_crop, s.lm, &s.crop, &s.made, &s.ones, NULL, NULL, &err), &err);
    CHECK_INT(changes(&s, out, 2).changed, 0);
    s.lm[3].x = NAN;
    CHECK_STATUS(lk_swap_composite(c, out, s.to_crop, s.lm, &s.crop, &s.made, &s.ones, NULL, NULL, &err),
                 LK_E_ARG, &err);
    lk_frame_unref(&out);
    lk_swap_compositor_close(&c);
    scene_free(&s);
}

static uint64_t fingerprint(const lk_frame *f)
{
    lk_image im;
    CHECK_OK(lk_frame_to_image(f, &im, &err), &err);
    lk_hash h = lk_hash_bytes(im.data, (size_t)im.w * (size_t)im.h * 3 * sizeof(float));
    lk_image_clear(&im);
    uint64_t v;
    memcpy(&v, h.b, sizeof v);
    return v;
}

static void same_bytes_whatever_the_threads(void)
{
    uint64_t prints[2];
    int was = omp_get_max_threads();
    for (int run = 0; run < 2; run++) {
        omp_set_num_threads(run ? 3 : 1);
        scene s;
        lk_swap_render_options o = lk_swap_render_defaults();
        lk_swap_compositor *c = open_compositor(o);
        scene_new(&s, 640, 480, 400, 320, 240, 7);
        lk_rng r = lk_rng_at(5, 0, 0, 0);
        for (int i = 0; i < s.picture.w * s.picture.h * 3; i++)
            s.picture.data[i] += 0.02f * lk_rng_normal(&r);
        lk_frame_unref(&s.frame);
        CHECK_OK(lk_frame_from_image(&s.picture, &s.frame, &err), &err);
        lk_swap_steady steady = {.track = 1};
        lk_frame *out = NULL;
        for (int i = 0; i < 3; i++) {
            lk_frame_unref(&out);
            out = render(&s, c, NULL, NULL, &steady);
        }
        prints[run] = fingerprint(out);
        lk_frame_unref(&out);
        lk_swap_compositor_close(&c);
        scene_free(&s);
    }
    omp_set_num_threads(was);
    CHECK(prints[0] == prints[1], "the bytes depend on the thread count");
}

static void grain_is_matched(void)
{
    for (int coarse = 0; coarse < 2; coarse++) {
        scene s;
        lk_swap_render_options o = lk_swap_render_defaults();
        o.color = LK_COLOR_NONE;
        o.grain = 1;
        lk_swap_compositor *c = open_compositor(o);
        scene_new(&s, 320, 240, 180, 160, 120, 0);
        lk_image made;
        CHECK_OK(lk_swap_cut(c, s.frame, s.to_crop, &s.crop, &err), &err);
        CHECK_OK(lk_image_copy(&s.crop, &made, &err), &err); /* the clean face */
        lk_rng r = lk_rng_at(9, 0, 0, 0);
        float *white = lk_alloc(321 * 241 * sizeof *white);
        for (int i = 0; i < 321 * 241; i++) white[i] = 0.025f * lk_rng_normal(&r);
        for (int y = 0; y < 240; y++)
            for (int x = 0; x < 320; x++) { /* white, or correlated over 2 x 2 */
                const float *p = white + 321 * y + x;
                float n = coarse ? 0.5f * (p[0] + p[1] + p[321] + p[322]) : p[0];
                for (int k = 0; k < 3; k++) s.picture.data[3 * (y * 320 + x) + k] += n;
            }
        lk_free(white);
        lk_frame_unref(&s.frame);
        CHECK_OK(lk_frame_from_image(&s.picture, &s.frame, &err), &err);
        lk_frame *out = render(&s, c, &made, NULL, NULL);
        lk_image after, part[2];
        CHECK_OK(lk_frame_to_image(out, &after, &err), &err);
        static float mask[64 * 64], scratch[4 * 64 * 64];
        for (int i = 0; i < 64 * 64; i++) mask[i] = 1;
        lk_swap_noise n[2];
        const lk_image *from[2] = {&s.picture, &after};
        for (int k = 0; k < 2; k++) {
            CHECK_OK(lk_image_new(64, 64, 3, &part[k], &err), &err);
            for (int y = 0; y < 64; y++)
                memcpy(&part[k].data[3 * 64 * y], &from[k]->data[3 * ((90 + y) * 320 + 128)],
                       3 * 64 * sizeof(float));
            n[k] = lk_swap_noise_measure(&part[k], mask, scratch);
            lk_image_clear(&part[k]);
        }
        if (!coarse) CHECK_NEAR(n[0].fine, 0.025, 0.004);
        CHECK(n[1].fine > 0.7f * n[0].fine && n[1].fine < 1.3f * n[0].fine, "fine grain %g of %g",
              (double)n[1].fine, (double)n[0].fine);
        CHECK(n[1].coarse > 0.7f * n[0].coarse && n[1].coarse < 1.3f * n[0].coarse, "coarse grain %g of %g",
              (double)n[1].coarse, (double)n[0].coarse);
        lk_frame_unref(&out);
        lk_image_clear(&after);
        lk_image_clear(&made);
        lk_swap_compositor_close(&c);
        scene_free(&s);
    }
}

/* Allocation calls of the library while fn runs. */
static void nothing_is_allocated_after_the_first_frame(void)
{
    static const float sides[] = {150, 1500};
    for (size_t i = 0; i < LK_COUNT(sides); i++) {
        scene s;
        lk_swap_compositor *c = open_compositor(lk_swap_render_defaults());
        scene_new(&s, 1900, 1000, sides[i], 950, 500, 3);
        lk_swap_steady steady = {.track = 1};
        lk_frame *out = render(&s, c, NULL, NULL, &steady);
        lk_frame *again = NULL;
        CHECK_OK(lk_frame_writable(s.frame, &again, &err), &err);
        lk_fault_set(LK_FAULT_ALLOC, INT64_MAX, false); /* counts, never fails */
        CHECK_OK(lk_swap_cut(c, s.frame, s.to_crop, &s.crop, &err), &err);
        CHECK_OK(lk_swap_composite(c, again, s.to_crop, s.lm, &s.crop, &s.made, &s.ones, NULL, &steady, &err),
                 &err);
        CHECK_INT(lk_fault_count(LK_FAULT_ALLOC), 0);
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        lk_frame_unref(&out);
        lk_frame_unref(&again);
        lk_swap_compositor_close(&c);
        scene_free(&s);
    }
}

static void every_allocation_may_fail(void)
{
    scene s;
    scene_new(&s, 320, 240, 150, 160, 120, 0);
    lk_frame *out = NULL;
    CHECK_OK(lk_frame_writable(s.frame, &out, &err), &err);
    lk_swap_render_options o = lk_swap_render_defaults();
    int failed = 0;
    for (int64_t n = 1; n < 100; n++) {
        lk_swap_compositor *c = NULL;
        lk_fault_set(LK_FAULT_ALLOC, n, false);
        lk_status st = lk_swap_compositor_open(SIZE, &o, &c, &err);
        if (st == LK_OK) st = lk_swap_cut(c, s.frame, s.to_crop, &s.crop, &err);
        if (st == LK_OK)
            st = lk_swap_composite(c, out, s.to_crop, s.lm, &s.crop, &s.made, &s.ones, NULL, NULL, &err);
        bool done = lk_fault_count(LK_FAULT_ALLOC) < n;
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        if (done) {
            CHECK_INT(st, LK_OK);
            lk_swap_compositor_close(&c);
            break;
        }
        CHECK_INT(st, LK_E_NOMEM);
        failed++;
        if (c) { /* the same workspace goes on once there is memory again */
            CHECK_OK(lk_swap_cut(c, s.frame, s.to_crop, &s.crop, &err), &err);
            CHECK_OK(lk_swap_composite(c, out, s.to_crop, s.lm, &s.crop, &s.made, &s.ones, NULL, NULL, &err),
                     &err);
        }
        lk_swap_compositor_close(&c);
    }
    CHECK(failed >= 10, "only %d allocations were seen", failed);
    lk_frame_unref(&out);
    scene_free(&s);
}

static void contact_sheet(void)
{
    lk_image cells[4] = {{0}}, sheet;
    static const char *const columns[] = {"source", "result"};
    static const char *const rows[] = {"0:01", "0:02"};
    CHECK_OK(lk_image_new(64, 36, 3, &cells[0], &err), &err);
    CHECK_OK(lk_image_new(300, 300, 3, &cells[3], &err), &err);
    for (int i = 0; i < 300 * 300; i++) cells[3].data[3 * i] = 1;
    CHECK_OK(lk_swap_contact_sheet(cells, 2, 2, 160, 90, "sheet", columns, rows, &sheet, &err), &err);
    CHECK(sheet.w > 320 && sheet.h > 180, "%d x %d", sheet.w, sheet.h);
    int64_t red = 0;
    for (int i = 0; i < sheet.w * sheet.h; i++)
        red += sheet.data[3 * i] > 0.99f && sheet.data[3 * i + 1] < 0.01f;
    CHECK(llabs(red - 90 * 90) < 90 * 4, "%lld red pixels", (long long)red);
    lk_image_clear(&sheet);
    cells[1] = (lk_image){4, 4, 1, cells[0].data};
    CHECK_STATUS(lk_swap_contact_sheet(cells, 2, 2, 160, 90, NULL, NULL, NULL, &sheet, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_swap_contact_sheet(cells, 0, 2, 160, 90, NULL, NULL, NULL, &sheet, &err), LK_E_ARG, &err);
    cells[1] = (lk_image){0};
    for (int64_t n = 1; n <= 2; n++) { /* the sheet itself, the first scaled cell */
        lk_fault_set(LK_FAULT_ALLOC, n, false);
        CHECK_STATUS(lk_swap_contact_sheet(cells, 2, 2, 160, 90, "sheet", columns, rows, &sheet, &err),
                     LK_E_NOMEM, &err);
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        CHECK(!sheet.data, "a failed sheet is left behind");
    }
    lk_image_clear(&cells[0]);
    lk_image_clear(&cells[3]);
}

static const check_test tests[] = {
    {"identity_changes_nothing", identity_changes_nothing},
    {"a_made_face_is_put_on", a_made_face_is_put_on},
    {"an_occluder_stays", an_occluder_stays},
    {"outside_the_frame", outside_the_frame},
    {"same_bytes_whatever_the_threads", same_bytes_whatever_the_threads},
    {"grain_is_matched", grain_is_matched},
    {"nothing_is_allocated_after_the_first_frame", nothing_is_allocated_after_the_first_frame},
    {"every_allocation_may_fail", every_allocation_may_fail},
    {"contact_sheet", contact_sheet},
};
CHECK_MAIN(tests)
