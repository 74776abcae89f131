/* The tracker's rules on scripted faces: the eyes below see faces that a script moves, as the networks would.
 */
#include "check.h"
#include "faces.h"

#include "face/track.h"

#define W 640
#define H 360

typedef struct actor {
    float x, y, io;
    bool there, hidden;
} actor; /* hidden: the points cannot be found, nor the box */
typedef struct scene { actor a[4]; int n, detections, points; float noise; bool blind; lk_rng rng; } scene;

static void shape_of(const actor *a, lk_point lm[LK_LANDMARKS]) { flat_face(a->x, a->y, a->io, 0, lm); }

static lk_status see_all(void *user, lk_detection *out, int max, int *count, lk_error *err)
{
    scene *s = user;
    (void)err;
    s->detections++;
    *count = 0;
    for (int i = 0; i < s->n && *count < max && !s->blind; i++) {
        lk_point lm[LK_LANDMARKS];
        if (!s->a[i].there || s->a[i].hidden) continue;
        shape_of(&s->a[i], lm);
        out[(*count)++] = (lk_detection){lk_face_box(lm), 0.9f};
    }
    return LK_OK;
}

/* The face nearest to the middle of the crop, when it lies well inside. */
static lk_status see_points(void *user, lk_affine to_crop, lk_point lm[LK_LANDMARKS], float *quality,
                            lk_error *err)
{
    scene *s = user;
    (void)err;
    s->points++;
    float cx, cy, best = 0.45f * LK_NET_CROP;
    int who = -1;
    lk_affine_apply(lk_affine_invert(to_crop), LK_NET_CROP / 2.0f, LK_NET_CROP / 2.0f, &cx, &cy);
    for (int i = 0; i < s->n; i++) {
        float x, y;
        if (!s->a[i].there || s->a[i].hidden) continue;
        lk_affine_apply(to_crop, s->a[i].x, s->a[i].y + 0.45f * s->a[i].io, &x, &y);
        float d = hypotf(x - LK_NET_CROP / 2.0f, y - LK_NET_CROP / 2.0f);
        if (d < best) best = d, who = i;
    }
    if (who < 0) { /* nothing: points somewhere, low confidence */
        flat_face(cx, cy, 30, 0, lm);
        *quality = 0.05f;
        return LK_OK;
    }
    shape_of(&s->a[who], lm);
    for (int i = 0; i < LK_LANDMARKS; i++) {
        lm[i].x += s->noise * lk_rng_normal(&s->rng);
        lm[i].y += s->noise * lk_rng_normal(&s->rng);
    }
    *quality = 0.95f;
    return LK_OK;
}

static lk_tracker *fresh(void)
{
    lk_tracker_options o = lk_tracker_defaults();
    lk_tracker *t = NULL;
    lk_error err = {0};
    CHECK_OK(lk_tracker_new(&o, &t, &err), &err);
    return t;
}

static int step(lk_tracker *t, scene *s, lk_face *f)
{
    lk_face_eyes eyes = {s, see_all, see_points};
    lk_picture_size in = {W, H};
    lk_error err = {0};
    int n = 0;
    CHECK_OK(lk_tracker_step(t, &in, &eyes, f, LK_TRACKER_MAX, &n, &err), &err);
    return n;
}

/* Which track is on this actor, -1 none. */
static int track_on(const lk_face *f, int n, const actor *a)
{
    lk_point lm[LK_LANDMARKS];
    shape_of(a, lm);
    lk_rect want = lk_face_box(lm);
    for (int i = 0; i < n; i++)
        if (lk_rect_iou(f[i].box, want) > 0.6f) return f[i].track;
    return -1;
}

static void one_face_one_track(void)
{
    lk_tracker *t = fresh();
    scene s = {.n = 1, .noise = 0.5f, .rng = lk_rng_at(1, 1, 0, 0), .a = {{300, 180, 60, true, false}}};
    lk_face f[LK_TRACKER_MAX];
    for (int i = 0; i < 120; i++) {
        s.a[0].x = 300 + 120 * sinf(i * 0.12f); /* up to 14 px a picture */
        s.a[0].io = 60 + 10 * sinf(i * 0.05f);
        int n = step(t, &s, f);
        CHECK_INT(n, 1);
        CHECK_INT(track_on(f, n, &s.a[0]), 0);
    }
    CHECK(s.detections <= 12, "one detection in twelve pictures is enough, not %d in 120", s.detections);
    CHECK_INT(lk_tracker_ids(t), 1);
    lk_tracker_free(t);
}

static void nobody_there(void)
{
    lk_tracker *t = fresh();
    scene s = {.n = 0};
    lk_face f[LK_TRACKER_MAX];
    for (int i = 0; i < 20; i++) CHECK_INT(step(t, &s, f), 0);
    CHECK_INT(s.points, 0);
    lk_tracker_free(t);
}

static void somebody_comes_and_goes(void)
{
    lk_tracker *t = fresh();
    scene s = {.n = 2,
               .rng = lk_rng_at(2, 1, 0, 0),
               .a = {{150, 180, 60, true, false}, {450, 180, 50, false, false}}};
    lk_face f[LK_TRACKER_MAX];
    int first_seen = -1;
    for (int i = 0; i < 100; i++) {
        s.a[1].there = i >= 30 && i < 70;
        int n = step(t, &s, f);
        CHECK_INT(track_on(f, n, &s.a[0]), 0);
        if (s.a[1].there && track_on(f, n, &s.a[1]) >= 0 && first_seen < 0) first_seen = i;
        if (s.a[1].there && first_seen >= 0) CHECK_INT(track_on(f, n, &s.a[1]), 1);
        if (i == 70) CHECK_INT(n, 1);
    }
    CHECK(first_seen >= 30 && first_seen < 42, "the newcomer is found by the next detection, at %d",
          first_seen);
    lk_tracker_free(t);
}

/* Two people pass each other; the one behind is hidden for some pictures. Both keep their ids or the hidden
 * one gets a new one; never do they swap. */
static void crossing_faces_keep_their_ids(void)
{
    lk_tracker *t = fresh();
    scene s = {.n = 2,
               .noise = 0.3f,
               .rng = lk_rng_at(3, 1, 0, 0),
               .a = {{120, 170, 60, true, false}, {520, 185, 64, true, false}}};
    lk_face f[LK_TRACKER_MAX];
    int n = 0;
    for (int i = 0; i < 100; i++) {
        s.a[0].x = 120 + 4 * i; /* in front */
        s.a[1].x = 520 - 4 * i; /* behind */
        s.a[1].hidden = fabsf(s.a[0].x - s.a[1].x) < 55;
        n = step(t, &s, f);
        CHECK(track_on(f, n, &s.a[0]) == 0, "picture %d: the face in front has track %d", i,
              track_on(f, n, &s.a[0]));
        if (s.a[1].hidden) CHECK(n == 1, "picture %d: %d faces", i, n);
    }
    CHECK_INT(n, 2);
    CHECK(track_on(f, n, &s.a[1]) >= 1, "the one behind is %d", track_on(f, n, &s.a[1]));
    lk_tracker_free(t);
}

static void a_short_absence_keeps_the_id(void)
{
    for (int away = 1; away <= 14; away++) {
        lk_tracker *t = fresh();
        scene s = {.n = 1, .a = {{300, 180, 60, true, false}}};
        lk_face f[LK_TRACKER_MAX];
        int n = 0;
        for (int i = 0; i < 40 + away; i++) {
            s.a[0].hidden = i >= 20 && i < 20 + away;
            n = step(t, &s, f);
            CHECK_INT(n, s.a[0].hidden ? 0 : 1);
        }
        int id = track_on(f, n, &s.a[0]);
        if (away < 10) CHECK(id == 0, "away for %d pictures: id %d", away, id);
        if (away > 11) CHECK(id == 1, "away for %d pictures: id %d", away, id);
        lk_tracker_free(t);
    }
}

static void another_place_is_another_person(void)
{
    lk_tracker *t = fresh();
    scene s = {.n = 1, .a = {{150, 180, 50, true, false}}};
    lk_face f[LK_TRACKER_MAX];
    int n = 0;
    for (int i = 0; i < 30; i++) {
        if (i == 15) s.a[0].x = 500; /* from one picture to the next */
        n = step(t, &s, f);
        CHECK_INT(n, 1);
    }
    CHECK_INT(track_on(f, n, &s.a[0]), 1);
    lk_tracker_free(t);
}

static void a_cut_ends_every_track(void)
{
    lk_tracker *t = fresh();
    scene s = {.n = 1, .a = {{300, 180, 60, true, false}}};
    lk_face f[LK_TRACKER_MAX];
    for (int i = 0; i < 10; i++) step(t, &s, f);
    lk_tracker_cut(t);
    int n = step(t, &s, f); /* somebody at the very same place */
    CHECK_INT(n, 1);
    CHECK_INT(f[0].track, 1);
    lk_tracker_reset(t);
    n = step(t, &s, f);
    CHECK_INT(f[0].track, 0);
    lk_tracker_free(t);
}

static void limits_hold(void)
{
    lk_tracker_options o = lk_tracker_defaults();
    lk_tracker *t = NULL;
    lk_error err = {0};
    o.max_faces = LK_TRACKER_MAX + 1;
    CHECK_STATUS(lk_tracker_new(&o, &t, &err), LK_E_ARG, &err);
    o.max_faces = 2;
    CHECK_OK(lk_tracker_new(&o, &t, &err), &err);
    scene s = {.n = 4,
               .a = {{80, 180, 40, true, false},
                     {230, 180, 40, true, false},
                     {380, 180, 40, true, false},
                     {530, 180, 40, true, false}}};
    lk_face f[LK_TRACKER_MAX];
    for (int i = 0; i < 5; i++) CHECK_INT(step(t, &s, f), 2);
    lk_tracker_free(t);
}

static lk_status broken(void *user, lk_affine m, lk_point *lm, float *quality, lk_error *err)
{
    (void)user, (void)m, (void)lm, (void)quality;
    return LK_FAIL(err, LK_E_NOMEM, "no memory for the points");
}

static void an_error_of_the_eyes_is_passed_on(void)
{
    lk_tracker *t = fresh();
    scene s = {.n = 1, .a = {{300, 180, 60, true, false}}};
    lk_face_eyes eyes = {&s, see_all, broken};
    lk_picture_size in = {W, H};
    lk_face f[LK_TRACKER_MAX];
    lk_error err = {0};
    int n = 7;
    CHECK_STATUS(lk_tracker_step(t, &in, &eyes, f, LK_TRACKER_MAX, &n, &err), LK_E_NOMEM, &err);
    CHECK_STR(err.message, "no memory for the points");
    lk_tracker_free(t);
}

static void shapeless_points_are_no_face(void)
{
    lk_rng r = lk_rng_at(9, 1, 0, 0);
    lk_point lm[LK_LANDMARKS];
    int passed = 0;
    for (int k = 0; k < 200; k++) {
        for (int i = 0; i < LK_LANDMARKS; i++)
            lm[i] = (lk_point){lk_rng_range(&r, 0, 100), lk_rng_range(&r, 0, 100)};
        passed += lk_landmarks_plausible(lm);
    }
    CHECK(passed <= 2, "%d of 200 clouds passed as faces", passed);
    for (float yaw = -75; yaw <= 75; yaw += 15) {
        posed_face(100, 100, 40, yaw, 10, 20, lm);
        CHECK(lk_landmarks_plausible(lm), "yaw %g", yaw);
    }
    lm[7].x = NAN;
    CHECK(!lk_landmarks_plausible(lm), "a point that is not a number");
}

/* A moving pattern with noise, exposure and a pan; then another pattern. */
static void pattern(int seed, float pan, float gain, float noise, lk_rng *r, float thumb[LK_CUT_W * LK_CUT_H])
{
    for (int y = 0; y < LK_CUT_H; y++)
        for (int x = 0; x < LK_CUT_W; x++) {
            float u = x + pan, v = 0.5f + 0.2f * sinf(u * (0.3f + 0.07f * seed) + seed)
                                   + 0.2f * cosf(y * (0.4f + 0.05f * seed) - 2 * seed);
            thumb[y * LK_CUT_W + x] = LK_CLAMP(gain * v + noise * lk_rng_normal(r), 0, 1);
        }
}

static void cuts_are_found_and_flashes_are_not(void)
{
    lk_cut_state c = {0};
    lk_rng r = lk_rng_at(5, 1, 0, 0);
    float thumb[LK_CUT_W * LK_CUT_H];
    for (int i = 0; i < 60; i++) {
        int scene_number = i / 20;
        float flash = i % 20 == 10 ? 1.3f : 1;
        pattern(1 + 3 * scene_number, 0.5f * i, flash, 0.01f, &r, thumb);
        bool cut = lk_cut_step(&c, thumb);
        CHECK(cut == (i == 20 || i == 40), "picture %d: cut %d", i, cut);
    }
    for (int i = 0; i < 30; i++) { /* a slow fade to black is no cut */
        pattern(7, 30 + 0.5f * i, LK_MAX(0, 1 - i / 25.0f), 0, &r, thumb);
        CHECK(!lk_cut_step(&c, thumb), "fade %d", i);
    }
    pattern(2, 0, 1, 0, &r, thumb);
    CHECK(lk_cut_step(&c, thumb), "from black to a picture at once");
}

static const check_test tests[] = {
    {"one_face_one_track", one_face_one_track},
    {"nobody_there", nobody_there},
    {"somebody_comes_and_goes", somebody_comes_and_goes},
    {"crossing_faces_keep_their_ids", crossing_faces_keep_their_ids},
    {"a_short_absence_keeps_the_id", a_short_absence_keeps_the_id},
    {"another_place_is_another_person", another_place_is_another_person},
    {"a_cut_ends_every_track", a_cut_ends_every_track},
    {"limits_hold", limits_hold},
    {"an_error_of_the_eyes_is_passed_on", an_error_of_the_eyes_is_passed_on},
    {"shapeless_points_are_no_face", shapeless_points_are_no_face},
    {"cuts_are_found_and_flashes_are_not", cuts_are_found_and_flashes_are_not},
};
CHECK_MAIN(tests)
