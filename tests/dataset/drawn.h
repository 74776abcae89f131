/* drawn.h: faces that nobody has, drawn from ellipses, with their landmarks; and a
 * registry in a temporary folder with people who agreed. For tests of dataset/
 * and of the training in make/swap. */
#ifndef LK_TESTS_DRAWN_H
#define LK_TESTS_DRAWN_H

#include "check.h"
#include "dataset/dataset.h"

#include <unistd.h>

#define DRAWN_SIZE 128

/* What may differ between two pictures of one face, and between two faces. */
typedef struct drawn_face { float yaw, mouth, eyes, light; int person; } drawn_face;

static void drawn_ellipse(lk_image *im, float cx, float cy, float rx, float ry, const float rgb[3])
{
    for (int y = 0; y < im->h; y++)
        for (int x = 0; x < im->w; x++) {
            float u = ((float)x - cx) / rx, v = ((float)y - cy) / ry, d = u * u + v * v;
            if (d > 1.2f) continue;
            float a = d < 0.9f ? 1.0f : (1.2f - d) / 0.3f, *p = im->data + 3 * (y * im->w + x);
            for (int k = 0; k < 3; k++) p[k] += a * (rgb[k] - p[k]);
        }
}

static lk_point drawn_middle(const lk_point *lm, int from, int to)
{
    lk_point m = {0, 0};
    for (int i = from; i <= to; i++) {
        m.x += lm[i].x / (float)(to - from + 1);
        m.y += lm[i].y / (float)(to - from + 1);
    }
    return m;
}

/* A frame of DRAWN_SIZE and its landmarks. */
__attribute__((unused)) static void drawn_make(const drawn_face *f, lk_image *frame,
                                               lk_point lm[LK_LANDMARKS])
{
    lk_error err;
    CHECK_OK(lk_image_new(DRAWN_SIZE, DRAWN_SIZE, 3, frame, &err), &err);
    lk_face_mean_shape(DRAWN_SIZE, 1.3f, lm);
    for (int i = 0; i < LK_LANDMARKS; i++) {
        float x = lm[i].x - DRAWN_SIZE / 2.0f;
        lm[i].x = DRAWN_SIZE / 2.0f + x * (1 - 0.2f * f->yaw * f->yaw) + f->yaw * (i >= 27 &&
                i < 36 ? 9.0f : 4.0f);
    }
    for (int i = 56; i < 59; i++) lm[i].y += f->mouth * 10;
    for (int i = 65; i < 68; i++) lm[i].y += f->mouth * 10;
    for (int i = 0; i < 2; i++)
        for (int k = 1; k < 3; k++) lm[36 + 6 * i + k].y -= f->eyes * 2;
    const float skin[2][3] = {{0.75f, 0.55f, 0.45f}, {0.45f, 0.32f, 0.25f}}, dark[3] = {0.1f, 0.05f, 0.05f};
    const float lip[2][3] = {{0.7f, 0.3f, 0.3f}, {0.4f, 0.15f, 0.2f}}, white[3] = {0.9f, 0.9f, 0.9f};
    for (int i = 0; i < DRAWN_SIZE * DRAWN_SIZE; i++)
        for (int k = 0; k < 3; k++) frame->data[3 * i + k] = 0.2f + 0.1f * (float)k;
    lk_point face = drawn_middle(lm, 0, 26), mouth = drawn_middle(lm, 48, 59),
        nose = drawn_middle(lm, 29, 35);
    drawn_ellipse(frame, face.x, face.y + 4, 36, 46, skin[f->person]);
    drawn_ellipse(frame, nose.x, nose.y, f->person ? 7 : 4, 8, lip[1 - f->person]);
    drawn_ellipse(frame, mouth.x, mouth.y, f->person ? 14 : 10, 3 + 6 * f->mouth, lip[f->person]);
    for (int side = 0; side < 2; side++) {
        lk_point eye = drawn_middle(lm, 36 + 6 * side, 41 + 6 * side),
            brow = drawn_middle(lm, 17 + 5 * side, 21 + 5 * side);
        drawn_ellipse(frame, eye.x, eye.y, 6, 2 + 2 * f->eyes, white);
        drawn_ellipse(frame, eye.x + 2 * f->yaw, eye.y, 2.5f, 2.5f, dark);
        drawn_ellipse(frame, brow.x, brow.y, 9, f->person ? 3 : 1.5f, dark);
    }
    for (int i = 0; i < 3 * DRAWN_SIZE * DRAWN_SIZE; i++) frame->data[i] *= f->light;
}

__attribute__((unused)) static drawn_face drawn_any(int person, int number)
{
    lk_rng r = lk_rng_at(5, (uint32_t)person, 0, (uint64_t)number);
    drawn_face f = {.person = person};
    f.yaw = lk_rng_range(&r, -1, 1);
    f.mouth = lk_rng_uniform(&r);
    f.eyes = lk_rng_uniform(&r);
    f.light = lk_rng_range(&r, 0.8f, 1.0f);
    return f;
}

/* --- who agreed -------------------------------------------------------------------------- */

typedef struct drawn_world { char dir[64]; lk_registry *registry; char record[2][37]; lk_grant *source,
                            *target; } drawn_world;

__attribute__((unused)) static lk_grant *drawn_grant(drawn_world *w, const char *name, uint32_t agreed,
                                                     lk_use use, char record[37])
{
    lk_error err;
    lk_subject s;
    lk_consent_record rec;
    lk_grant *g = NULL;
    CHECK_OK(lk_subject_add(w->registry, name, true, &s, &err), &err);
    CHECK_OK(lk_consent_issue(w->registry, s.id, agreed, 86400, "tests", "drawn ellipses, for tests", &rec,
                              &err), &err);
    CHECK_OK(lk_grant_get(w->registry, s.id, use, "test", &g, &err), &err);
    if (record) strcpy(record, rec.id);
    return g;
}

/* Two people: "ann" agreed to be a source, "bob" to be a target. */
__attribute__((unused)) static void drawn_world_open(drawn_world *w)
{
    lk_error err;
    memset(w, 0, sizeof *w);
    strcpy(w->dir, "/tmp/lk-drawn-XXXXXX");
    CHECK(mkdtemp(w->dir), "no temporary folder");
    char path[96];
    snprintf(path, sizeof path, "%s/registry", w->dir);
    CHECK_OK(lk_registry_open(path, true, &w->registry, &err), &err);
    w->source = drawn_grant(w, "ann", LK_USE_FACE_SOURCE, LK_USE_FACE_SOURCE, w->record[0]);
    w->target = drawn_grant(w, "bob", LK_USE_FACE_TARGET, LK_USE_FACE_TARGET, w->record[1]);
}

__attribute__((unused)) static void drawn_world_close(drawn_world *w)
{
    lk_grant_free(&w->source);
    lk_grant_free(&w->target);
    lk_registry_close(&w->registry);
    char line[96];
    snprintf(line, sizeof line, "rm -rf %s", w->dir);
    CHECK(system(line) == 0, "the temporary folder stays");
}

__attribute__((unused)) static const char *drawn_path(const drawn_world *w, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", w->dir, name);
    return out;
}

/* A dataset of count pictures of one person. */
__attribute__((unused)) static void drawn_dataset(const lk_grant *g, lk_use use, int person, int count,
                                                  const char *path)
{
    lk_error err;
    lk_dataset_builder *b = NULL;
    CHECK_OK(lk_dataset_builder_new(g, use, 0, &b, &err), &err);
    for (int i = 0; i < count; i++) {
        drawn_face f = drawn_any(person, i);
        lk_image frame;
        lk_point lm[LK_LANDMARKS];
        drawn_make(&f, &frame, lm);
        CHECK_OK(lk_dataset_builder_add(b, &frame, lm, NULL, i, 0, &err), &err);
        lk_image_clear(&frame);
    }
    CHECK_OK(lk_dataset_builder_finish(&b, path, NULL, &err), &err);
}

#endif
