/* Smoothing: trembling goes, blinks and speech stay. On a made-up head that nods, turns, blinks and speaks.
 */
#include "check.h"
#include "faces.h"

#include "face/smooth.h"

#define N 400
#define BLINK_EVERY 60

typedef lk_point face[LK_LANDMARKS];

static double wave(double t, double hz, double phase) { return sin(6.283185 * hz * t / 25 + phase); }

/* Eyelids: closed for one picture, half closed one before and after. */
static double lid(int t)
{
    int p = t % BLINK_EVERY;
    return p == 30 ? 1 : p == 29 || p == 31 ? 0.55 : 0;
}

static double mouth(int t) { return fmax(0, 0.5 + 0.5 * wave(t, 2.6, 1) + 0.3 * wave(t, 4.7, 0)); }

static void truth_at(int t, face lm)
{
    posed_face(320 + 40 * (float)wave(t, 0.3, 0), 170 + 10 * (float)wave(t, 0.7, 2), 90,
               20 * (float)wave(t, 0.25, 0.4), 8 * (float)wave(t, 0.5, 1), 6 * (float)wave(t, 0.35, 2), lm);
    float close = (float)lid(t), open = (float)mouth(t) * 12;
    static const int upper[] = {37, 38, 43, 44}, lower[] = {41, 40, 47, 46};
    for (int i = 0; i < 4; i++) {
        lk_point *u = &lm[upper[i]], *d = &lm[lower[i]];
        u->x += 0.9f * close * (d->x - u->x);
        u->y += 0.9f * close * (d->y - u->y);
    }
    for (int i = 55; i < 60; i++) lm[i].y += open;
    for (int i = 65; i < 68; i++) lm[i].y += open;
    for (int i = 4; i < 13; i++) lm[i].y += open * 0.8f;
}

static void make(face *truth, face *noisy, float noise)
{
    lk_rng r = lk_rng_at(11, 1, 0, 0);
    for (int t = 0; t < N; t++) {
        truth_at(t, truth[t]);
        float sx = noise * lk_rng_normal(&r), sy = noise * lk_rng_normal(&r); /* the whole face shakes ... */
        for (int i = 0; i < LK_LANDMARKS; i++) {                                /* ... and every point */
            noisy[t][i].x = truth[t][i].x + 0.7f * sx + noise * lk_rng_normal(&r);
            noisy[t][i].y = truth[t][i].y + 0.7f * sy + noise * lk_rng_normal(&r);
        }
    }
}

static double jitter(face *lm, int from, int to)
{
    double sum = 0;
    for (int t = 1; t + 1 < N; t++)
        for (int i = from; i < to; i++) {
            double x = lm[t - 1][i].x - 2 * lm[t][i].x + lm[t + 1][i].x,
                   y = lm[t - 1][i].y - 2 * lm[t][i].y + lm[t + 1][i].y;
            sum += x * x + y * y;
        }
    return sqrt(sum / ((N - 2) * (to - from)));
}

static double error_of(face *a, face *b)
{
    double sum = 0;
    for (int t = 0; t < N; t++)
        for (int i = 0; i < LK_LANDMARKS; i++) sum += hypot(a[t][i].x - b[t][i].x, a[t][i].y - b[t][i].y);
    return sum / (N * LK_LANDMARKS);
}

static double opening(const lk_point *lm)
{
    return hypot(lm[37].x - lm[41].x, lm[37].y - lm[41].y) + hypot(lm[44].x - lm[46].x, lm[44].y - lm[46].y);
}

/* Mean depth of the blinks over the truth's. */
static double blink_depth(face *got, face *truth)
{
    double sum = 0;
    int n = 0;
    for (int t = 30; t < N - 2; t += BLINK_EVERY, n++) {
        double least = INFINITY;
        for (int d = -1; d <= 1; d++) least = fmin(least, opening(got[t + d]));
        sum += (opening(truth[t - 4]) - least) / (opening(truth[t - 4]) - opening(truth[t]));
    }
    return sum / n;
}

static double mouth_r(face *a, face *b)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int t = 0; t < N; t++) {
            double x = a[t][66].y - a[t][62].y, y = b[t][66].y - b[t][62].y;
            if (!pass) ma += x / N, mb += y / N;
            else aa += (x - ma) * (x - ma), bb += (y - mb) * (y - mb), ab += (x - ma) * (y - mb);
        }
    return ab / sqrt(aa * bb);
}

static void smooth_online(face *lm)
{
    lk_smoother s = {0};
    for (int t = 0; t < N; t++) lk_smoother_step(&s, t / 25.0, lm[t]);
}

static face truth[N], noisy[N], calm[N];

static void two_sided_on_noise(void)
{
    lk_error err = {0};
    make(truth, noisy,
         0.3f); /* a third of a percent of the outer-eye distance, as a good landmark net trembles */
    memcpy(calm, noisy, sizeof calm);
    CHECK_OK(lk_smooth_track(calm, N, &err), &err);
    printf("# jitter of jaw, brows, nose: truth %.2f noisy %.2f smoothed %.2f px; eyes, mouth %.2f %.2f "
           "%.2f; error %.2f -> %.2f px\n",
           jitter(truth, 0, 36), jitter(noisy, 0, 36), jitter(calm, 0, 36), jitter(truth, 36, 68),
           jitter(noisy, 36, 68), jitter(calm, 36, 68), error_of(noisy, truth), error_of(calm, truth));
    printf("# blinks keep %.1f %% of their depth, mouth r %.4f\n", 100 * blink_depth(calm, truth),
           mouth_r(calm, truth));
    CHECK(jitter(calm, 0, 36) < 1.15 * jitter(truth, 0, 36), "%g, truth %g", jitter(calm, 0, 36),
          jitter(truth, 0, 36));
    CHECK(jitter(calm, 36, 68) < 1.15 * jitter(truth, 36, 68), "%g, truth %g", jitter(calm, 36, 68),
          jitter(truth, 36, 68));
    CHECK(error_of(calm, truth) < 0.85 * error_of(noisy, truth), "%g of %g", error_of(calm, truth),
          error_of(noisy, truth));
    CHECK(blink_depth(calm, truth) >= 0.95, "%g", blink_depth(calm, truth));
    CHECK(mouth_r(calm, truth) >= 0.99, "%g", mouth_r(calm, truth));
}

static void two_sided_leaves_clean_motion(void)
{
    lk_error err = {0};
    make(truth, calm, 0);
    CHECK_OK(lk_smooth_track(calm, N, &err), &err);
    CHECK(error_of(calm, truth) < 0.25, "mean error %g px", error_of(calm, truth));
    CHECK(blink_depth(calm, truth) >= 0.99, "%g", blink_depth(calm, truth));
    CHECK(mouth_r(calm, truth) >= 0.995, "%g", mouth_r(calm, truth));
}

/* The same clip played backwards gives the same points: no delay in either direction. */
static void two_sided_has_no_direction(void)
{
    static face back[N];
    lk_error err = {0};
    make(truth, calm, 0.7f);
    for (int t = 0; t < N; t++) memcpy(back[t], calm[N - 1 - t], sizeof(face));
    CHECK_OK(lk_smooth_track(calm, N, &err), &err);
    CHECK_OK(lk_smooth_track(back, N, &err), &err);
    double most = 0;
    for (int t = 0; t < N; t++)
        for (int i = 0; i < LK_LANDMARKS; i++)
            most =
                fmax(most, hypot(calm[t][i].x - back[N - 1 - t][i].x, calm[t][i].y - back[N - 1 - t][i].y));
    CHECK(most < 0.01, "%g px", most);
}

static void short_tracks(void)
{
    lk_error err = {0};
    for (int n = 0; n <= 12; n++) {
        make(truth, noisy, 0.5f);
        memcpy(calm, noisy, sizeof calm);
        CHECK_OK(lk_smooth_track(calm, n, &err), &err);
        for (int t = 0; t < n; t++)
            for (int i = 0; i < LK_LANDMARKS; i++)
                CHECK(hypot(calm[t][i].x - truth[t][i].x, calm[t][i].y - truth[t][i].y) < 6,
                      "length %d, picture %d, point %d", n, t, i);
        CHECK(!memcmp(calm[n], noisy[n], sizeof(face)), "nothing beyond the end is touched");
    }
}

static void online_on_noise(void)
{
    make(truth, noisy, 0.3f);
    memcpy(calm, noisy, sizeof calm);
    smooth_online(calm);
    printf("# online: jitter %.2f -> %.2f px, error %.2f -> %.2f px, blinks %.1f %%, mouth r %.4f\n",
           jitter(noisy, 0, 36), jitter(calm, 0, 36), error_of(noisy, truth), error_of(calm, truth),
           100 * blink_depth(calm, truth), mouth_r(calm, truth));
    /* Without the future, steadiness costs some lag: bounded here. */
    CHECK(jitter(calm, 0, 36) < 0.9 * jitter(noisy, 0, 36), "%g of %g", jitter(calm, 0, 36),
          jitter(noisy, 0, 36));
    CHECK(error_of(calm, truth) < 0.7, "%g px", error_of(calm, truth));
    CHECK(blink_depth(calm, truth) >= 0.93, "%g", blink_depth(calm, truth));
    CHECK(mouth_r(calm, truth) >= 0.985, "%g", mouth_r(calm, truth));
}

static void online_starts_where_the_face_is(void)
{
    lk_smoother s = {0};
    face a, b;
    truth_at(0, a);
    memcpy(b, a, sizeof a);
    lk_smoother_step(&s, 10, b);
    CHECK(!memcmp(a, b, sizeof a), "the first picture is not changed");
    truth_at(200, a); /* after a long pause: a new start, no slide from the old place */
    memcpy(b, a, sizeof a);
    lk_smoother_step(&s, 15, b);
    CHECK(!memcmp(a, b, sizeof a), "nor the first after a pause");
}

static const check_test tests[] = {
    {"two_sided_on_noise", two_sided_on_noise},
    {"two_sided_leaves_clean_motion", two_sided_leaves_clean_motion},
    {"two_sided_has_no_direction", two_sided_has_no_direction},
    {"short_tracks", short_tracks},
    {"online_on_noise", online_on_noise},
    {"online_starts_where_the_face_is", online_starts_where_the_face_is},
};
CHECK_MAIN(tests)
