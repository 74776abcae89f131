/* test_label.c: every style at every size, on every background: inside, large enough, legible. */
#include "check.h"
#include "fault.h"

#include "mark/internal.h"

static lk_error err;

static const int sizes[][2] = {{640, 360}, {1920, 1080}, {3840, 2160}, {360, 640},  {96, 96},
                               {64, 64},   {16, 16},     {1000, 40},   {100, 1000}, {641, 363}};
static const char *const actions[] = {"face swap", "training preview", "something new"};

static void inside_and_large_enough(void)
{
    for (size_t z = 0; z < LK_COUNT(sizes); z++)
        for (int p = 0; p < LK_LABEL_PLACES; p++)
            for (int st = 0; st < LK_LABEL_STYLES; st++)
                for (size_t a = 0; a < LK_COUNT(actions); a++) {
                    int w = sizes[z][0], h = sizes[z][1];
                    label l;
                    CHECK_OK(
                        mark_label_make(w, h, (lk_label_place)p, (lk_label_style)st, actions[a], &l, &err),
                        &err);
                    CHECK(l.x >= 0 && l.y >= 0 && l.x + l.rgb.w <= w && l.y + l.rgb.h <= h &&
                              l.rgb.w == l.alpha.w && l.rgb.h == l.alpha.h,
                          "%dx%d %s %s: %dx%d at %d,%d", w, h, lk_label_style_name((lk_label_style)st),
                          lk_label_place_name((lk_label_place)p), l.rgb.w, l.rgb.h, l.x, l.y);
                    if (w >= h / 4) /* narrower ones have no room for it */
                        CHECK(18 * l.rgb.h >= h, "%dx%d %s is 1/%.1f of the height", w, h,
                              lk_label_style_name((lk_label_style)st), (double)h / l.rgb.h);
                    float most = 0;
                    for (int i = 0; i < l.alpha.w * l.alpha.h; i++) most = fmaxf(most, l.alpha.data[i]);
                    CHECK(most > 0.9f, "there is text: %g", most);
                    mark_label_clear(&l);
                }
}

static void at_its_place(void)
{
    for (int st = 0; st < LK_LABEL_STYLES; st++)
        for (int p = 0; p < LK_LABEL_PLACES; p++) {
            label l;
            CHECK_OK(mark_label_make(640, 360, (lk_label_place)p, (lk_label_style)st, "face swap", &l, &err),
                     &err);
            float x = (float)l.x + 0.5f * (float)l.rgb.w, y = (float)l.y + 0.5f * (float)l.rgb.h;
            bool left = p == LK_LABEL_BOTTOM_LEFT || p == LK_LABEL_TOP_LEFT,
                 top = p == LK_LABEL_TOP_LEFT || p == LK_LABEL_TOP_RIGHT;
            CHECK(top ? y < 60 : y > 220, "y %g", y);
            if (st != LK_LABEL_BAND && p != LK_LABEL_LOWER_THIRD) CHECK(left ? x < 320 : x > 320, "x %g", x);
            if (p == LK_LABEL_LOWER_THIRD) CHECK(fabsf(x - 320) <= 2 && y < 330, "%g %g", x, y);
            mark_label_clear(&l);
        }
}

static double linear(double v) { return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4); }

static double luminance(const label *l, int i, double background)
{
    double y = 0;
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    for (int k = 0; k < 3; k++)
        y += weight[k] *
             linear(background + (double)l->alpha.data[i] * ((double)l->rgb.data[3 * i + k] - background));
    return y;
}

/* WCAG 2 contrast of the lightest and the darkest tenth in each half of the label, over any grey: 4.5 : 1. */
static void legible_on_any_background(void)
{
    for (size_t z = 0; z < 5; z++)
        for (int st = 0; st < LK_LABEL_STYLES; st++)
            for (int g = 0; g <= 10; g++) {
                label l;
                CHECK_OK(mark_label_make(sizes[z][0], sizes[z][1], LK_LABEL_BOTTOM_LEFT, (lk_label_style)st,
                                         "face swap", &l, &err),
                         &err);
                double least = 1, most = 0;
                for (int i = 0; i < l.rgb.w * l.rgb.h; i++) {
                    if (l.alpha.data[i] < 0.5f) continue; /* outside round corners */
                    double y = luminance(&l, i, g / 10.0);
                    least = fmin(least, y);
                    most = fmax(most, y);
                }
                double contrast = (most + 0.05) / (least + 0.05);
                CHECK(contrast >= 4.5, "%dx%d %s on %d %% grey: %.1f : 1", sizes[z][0], sizes[z][1],
                      lk_label_style_name((lk_label_style)st), 10 * g, contrast);
                mark_label_clear(&l);
            }
}

/* A plate at a bottom corner of the lengthened picture lies in the added rows alone. */
static void strip(void)
{
    for (size_t z = 0; z < LK_COUNT(sizes); z++) {
        label l;
        int w = sizes[z][0], h = sizes[z][1], more = lk_label_strip(w, h);
        CHECK(more > 0 && more < 40 + h / 6, "%d rows below %d", more, h);
        for (int p = LK_LABEL_BOTTOM_LEFT; p <= LK_LABEL_BOTTOM_RIGHT; p++) {
            CHECK_OK(
                mark_label_make(w, h + more, (lk_label_place)p, LK_LABEL_PLATE, "training preview", &l, &err),
                &err);
            CHECK(l.y >= h, "%dx%d: the label begins in row %d", w, h, l.y);
            mark_label_clear(&l);
        }
    }
}

static void names(void)
{
    for (int s = 0; s < LK_LABEL_STYLES; s++)
        CHECK_INT(lk_label_style_parse(lk_label_style_name((lk_label_style)s)), s);
    CHECK_INT(lk_label_style_parse("none"), -1);
    CHECK_INT(lk_label_style_parse(""), -1);
    CHECK_STR(lk_label_style_name((lk_label_style)77), "unknown");
    label l;
    CHECK_STATUS(mark_label_make(64, 64, (lk_label_place)9, LK_LABEL_PLATE, "x", &l, &err), LK_E_ARG, &err);
    CHECK_STATUS(mark_label_make(64, 64, LK_LABEL_TOP_LEFT, (lk_label_style)9, "x", &l, &err), LK_E_ARG,
                 &err);
}

static void no_memory(void)
{
    for (int st = 0; st < LK_LABEL_STYLES; st++)
        FAULT_LOOP(LK_FAULT_ALLOC, false, {
            label l;
            lk_status s =
                mark_label_make(640, 360, LK_LABEL_TOP_LEFT, (lk_label_style)st, "face swap", &l, &err);
            CHECK(s == LK_OK || (s == LK_E_NOMEM && !l.rgb.data && !l.alpha.data), "%d", (int)s);
            mark_label_clear(&l);
        });
}

static const check_test tests[] = {
    {"inside_and_large_enough", inside_and_large_enough},
    {"at_its_place", at_its_place},
    {"legible_on_any_background", legible_on_any_background},
    {"strip", strip},
    {"names", names},
    {"no_memory", no_memory},
};
CHECK_MAIN(tests)
