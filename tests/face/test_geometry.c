/* Geometry of the face: alignment, mirror, pose and hull mask, on faces made from the mean shape. */
#include "check.h"
#include "faces.h"

#include "face/labels.h"

static lk_affine similarity(float scale, float roll, float x, float y)
{
    float c = scale * cosf(roll * 0.01745329f), s = scale * sinf(roll * 0.01745329f);
    return (lk_affine){c, -s, x, s, c, y};
}

static float furthest(const lk_point *a, const lk_point *b)
{
    float d = 0;
    for (int i = 0; i < LK_LANDMARKS; i++) d = fmaxf(d, hypotf(a[i].x - b[i].x, a[i].y - b[i].y));
    return d;
}

static void map_all(lk_affine m, lk_point *lm)
{
    for (int i = 0; i < LK_LANDMARKS; i++) lm[i] = lk_point_map(m, lm[i]);
}

/* A face that is the mean shape under a similarity is brought exactly onto the mean shape, whatever the
 * similarity. */
static void align_undoes_similarities(void)
{
    lk_rng r = lk_rng_at(1, 1, 0, 0);
    for (int k = 0; k < 200; k++) {
        int size = 32 + (int)lk_rng_below(&r, 256);
        float coverage = lk_rng_range(&r, 0.8f, 2.0f);
        lk_point want[LK_LANDMARKS], lm[LK_LANDMARKS];
        lk_face_mean_shape(size, coverage, want);
        memcpy(lm, want, sizeof lm);
        lk_affine m = similarity(lk_rng_range(&r, 0.1f, 8), lk_rng_range(&r, -180, 180),
                                 lk_rng_range(&r, -500, 500), lk_rng_range(&r, -500, 500));
        map_all(m, lm);
        lk_affine back = lk_face_align(lm, size, coverage);
        map_all(back, lm);
        CHECK_NEAR(furthest(lm, want), 0, 2e-2);
    }
}

/* Moving the face moves the crop with it: what the crop shows does not change. Faces here are not the mean.
 */
static void align_follows_the_face(void)
{
    lk_rng r = lk_rng_at(2, 1, 0, 0);
    for (int k = 0; k < 200; k++) {
        lk_point a[LK_LANDMARKS], b[LK_LANDMARKS];
        posed_face(200, 150, 80, lk_rng_range(&r, -60, 60), lk_rng_range(&r, -20, 20),
                   lk_rng_range(&r, -30, 30), a);
        for (int i = 0; i < LK_LANDMARKS; i++)
            a[i].x += lk_rng_range(&r, -2, 2), a[i].y += lk_rng_range(&r, -2, 2);
        memcpy(b, a, sizeof b);
        map_all(similarity(lk_rng_range(&r, 0.3f, 3), lk_rng_range(&r, -180, 180),
                           lk_rng_range(&r, -100, 100), 40),
                b);
        map_all(lk_face_align(a, 96, 1), a);
        map_all(lk_face_align(b, 96, 1), b);
        CHECK_NEAR(furthest(a, b), 0, 2e-2);
    }
}

/* Turned heads stay inside the standard crop, and the middle of the face near its middle. */
static void crop_holds_turned_heads(void)
{
    for (float yaw = -60; yaw <= 60; yaw += 5) {
        lk_point lm[LK_LANDMARKS];
        posed_face(300, 200, 70, yaw, 5, 10, lm);
        map_all(lk_face_align(lm, 96, 1), lm);
        for (int i = 0; i < LK_LANDMARKS; i++)
            CHECK(lm[i].x > -0.5f && lm[i].x < 95.5f && lm[i].y > -0.5f && lm[i].y < 95.5f,
                  "yaw %g point %d at %g %g", yaw, i, lm[i].x, lm[i].y);
    }
}

/* The inner mouth and the jaw do not take part: speech does not move the crop. */
static void speech_does_not_scale(void)
{
    lk_point lm[LK_LANDMARKS];
    flat_face(100, 100, 60, 0, lm);
    lk_affine still = lk_face_align(lm, 96, 1);
    for (int i = 0; i < 17; i++) lm[i].y += 15;
    for (int i = 55; i < 68; i++) lm[i].y += 12;
    lk_affine open = lk_face_align(lm, 96, 1);
    CHECK_NEAR(open.a, still.a, 1e-6);
    CHECK_NEAR(open.f, still.f, 1e-4);
}

static void mean_shape_is_symmetric(void)
{
    lk_point lm[LK_LANDMARKS], other[LK_LANDMARKS];
    lk_face_mean_shape(96, 1, lm);
    memcpy(other, lm, sizeof lm);
    lk_landmarks_mirror(other, 96);
    CHECK_NEAR(furthest(lm, other), 0, 1e-3);
    /* The stated layout: 69 % of the width, brows and chin inside. */
    CHECK_NEAR((lm[16].x - lm[0].x) / 96, 0.69, 0.01);
    CHECK(lm[19].y > 8 && lm[8].y < 84, "brow %g chin %g", lm[19].y, lm[8].y);
    CHECK_NEAR(lk_face_interocular(lm), 96 / 2.2, 0.1);
}

static void mirror_twice_is_nothing(void)
{
    lk_rng r = lk_rng_at(3, 1, 0, 0);
    lk_point a[LK_LANDMARKS], b[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++)
        a[i] = (lk_point){lk_rng_range(&r, 0, 640), lk_rng_range(&r, 0, 360)};
    memcpy(b, a, sizeof a);
    lk_landmarks_mirror(b, 640);
    CHECK_NEAR(b[0].x, 639 - a[16].x, 1e-3);
    CHECK_NEAR(b[36].y, a[45].y, 0);
    lk_landmarks_mirror(b, 640);
    CHECK_NEAR(furthest(a, b), 0, 1e-3);
}

static void pose_of_turned_faces(void)
{
    lk_rng r = lk_rng_at(4, 1, 0, 0);
    for (int k = 0; k < 300; k++) {
        float y = lk_rng_range(&r, -75, 75), p = lk_rng_range(&r, -35, 35), o = lk_rng_range(&r, -45, 45),
              yaw, pitch, roll;
        lk_point lm[LK_LANDMARKS];
        posed_face(lk_rng_range(&r, -100, 900), 200, lk_rng_range(&r, 10, 200), y, p, o, lm);
        lk_face_pose(lm, &yaw, &pitch, &roll);
        CHECK_NEAR(yaw, y, 0.2);
        CHECK_NEAR(pitch, p, 0.2);
        CHECK_NEAR(roll, o, 0.2);
    }
}

static void pose_upside_down(void)
{
    lk_point lm[LK_LANDMARKS];
    float yaw, pitch, roll;
    posed_face(100, 100, 60, 20, -10, 170, lm);
    lk_face_pose(lm, &yaw, &pitch, &roll);
    CHECK_NEAR(yaw, 20, 0.2);
    CHECK_NEAR(roll, 170, 0.2);
}

/* Against the rendered truth, when the data is there: actors A to D, whom the 3-D shape was not made from. */
static void pose_of_actors(void)
{
    const char *data = getenv("LIKENESS_DATA");
    double sum[3] = {0};
    int n = 0;
    lk_error err = {0};
    for (char actor = 'A'; actor <= 'D'; actor++) {
        char path[1024];
        lk_labels l;
        snprintf(path, sizeof path, "%s/actors/actors/%c/train.jsonl.gz",
                 data && *data ? data : "../shared/data", actor);
        if (!lk_path_exists(path)) SKIP("the actors' truth is not here (LIKENESS_DATA)");
        CHECK_OK(lk_labels_read(path, &l, &err), &err);
        for (int i = 0; i < l.count; i += 5, n++) {
            float yaw, pitch, roll;
            lk_face_pose(l.frames[i].lm, &yaw, &pitch, &roll);
            sum[0] += fabsf(yaw - l.frames[i].yaw);
            sum[1] += fabsf(pitch - l.frames[i].pitch);
            sum[2] += fabsf(roll - l.frames[i].roll);
        }
        lk_labels_clear(&l);
    }
    printf("# %d frames: mean error yaw %.2f pitch %.2f roll %.2f degrees\n", n, sum[0] / n, sum[1] / n,
           sum[2] / n);
    CHECK(sum[0] / n < 1.6, "yaw %g", sum[0] / n);
    CHECK(sum[1] / n < 1.0, "pitch %g", sum[1] / n);
    CHECK(sum[2] / n < 0.8, "roll %g", sum[2] / n);
}

static void hull_covers_the_face(void)
{
    lk_error err = {0};
    lk_image mask;
    lk_point lm[LK_LANDMARKS];
    CHECK_OK(lk_image_new(96, 96, 1, &mask, &err), &err);
    lk_face_mean_shape(96, 1, lm);
    CHECK_OK(lk_face_hull_mask(lm, &mask, 0, &err), &err);
    for (int i = 27; i < 68; i++) { /* nose, eyes and mouth lie inside */
        float v = mask.data[(int)lrintf(lm[i].y) * 96 + (int)lrintf(lm[i].x)];
        CHECK(v == 1, "point %d: %g", i, v);
    }
    double area = 0, turned = 0, soft = 0;
    for (int i = 0; i < 96 * 96; i++) area += mask.data[i];
    CHECK(mask.data[0] == 0 && mask.data[96 * 96 - 1] == 0, "corners are outside");
    CHECK(mask.data[(int)(lm[19].y - 2) * 96 + (int)lm[19].x] == 1, "the lifted brow covers some forehead");

    /* Antialiasing: the area does not depend on where the pixels fall. */
    map_all((lk_affine){0.72f, -0.54f, 39.3f, 0.54f, 0.72f, -11.6f},
            lm); /* scale 0.9, turned by 37 degrees */
    CHECK_OK(lk_face_hull_mask(lm, &mask, 0, &err), &err);
    for (int i = 0; i < 96 * 96; i++) turned += mask.data[i];
    CHECK_NEAR(turned / area, 0.81, 0.004);

    CHECK_OK(lk_face_hull_mask(lm, &mask, 8, &err), &err);
    for (int i = 0; i < 96 * 96; i++) {
        soft += mask.data[i];
        CHECK(mask.data[i] >= 0 && mask.data[i] <= 1, "pixel %d: %g", i, mask.data[i]);
    }
    CHECK(soft < 0.93 * turned, "a feather eats inwards: %g of %g", soft, turned);
    lk_image_clear(&mask);
}

static void hull_refuses_nonsense(void)
{
    lk_error err = {0};
    lk_image rgb;
    lk_point lm[LK_LANDMARKS];
    lk_face_mean_shape(16, 1, lm);
    CHECK_OK(lk_image_new(16, 16, 3, &rgb, &err), &err);
    CHECK_STATUS(lk_face_hull_mask(lm, &rgb, 0, &err), LK_E_ARG, &err);
    lk_image_clear(&rgb);
    CHECK_OK(lk_image_new(16, 16, 1, &rgb, &err), &err);
    lm[3].x = NAN;
    CHECK_STATUS(lk_face_hull_mask(lm, &rgb, 0, &err), LK_E_ARG, &err);
    for (int i = 0; i < LK_LANDMARKS; i++) lm[i] = (lk_point){5, 5}; /* no area: an empty mask, no crash */
    CHECK_OK(lk_face_hull_mask(lm, &rgb, 2, &err), &err);
    for (int i = 0; i < 256; i++) CHECK(rgb.data[i] == 0, "pixel %d", i);
    lk_affine m = lk_face_align(lm, 96, 1); /* a point cannot be scaled */
    CHECK(isfinite(m.a) && isfinite(m.c), "a degenerate face gives a finite map");
    lk_image_clear(&rgb);
}

static const check_test tests[] = {
    {"align_undoes_similarities", align_undoes_similarities},
    {"align_follows_the_face", align_follows_the_face},
    {"crop_holds_turned_heads", crop_holds_turned_heads},
    {"speech_does_not_scale", speech_does_not_scale},
    {"mean_shape_is_symmetric", mean_shape_is_symmetric},
    {"mirror_twice_is_nothing", mirror_twice_is_nothing},
    {"pose_of_turned_faces", pose_of_turned_faces},
    {"pose_upside_down", pose_upside_down},
    {"pose_of_actors", pose_of_actors},
    {"hull_covers_the_face", hull_covers_the_face},
    {"hull_refuses_nonsense", hull_refuses_nonsense},
};
CHECK_MAIN(tests)
