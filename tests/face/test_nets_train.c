/* Training of the face networks on made-up shapes: the loss falls, and a run that was
 * stopped and resumed ends with the same bytes as one that was not. */
#include "face/calibration.h"
#include "face/train/augment.h"
#include "face/train/calibrate.h"
#include "face/train/train.h"
#include "check.h"
#include "tempdir.h"

static lk_face_train_options small(const char *file, int64_t steps, int batch)
{
    lk_face_train_options o = lk_face_train_defaults();
    o.synthetic = true;
    o.output = in_tempdir(file);
    o.steps = steps;
    o.batch = batch;
    o.seed = 7;
    return o;
}

static void loss_falls(void)
{
    static const struct { const char *net; int steps, batch; double to;
    } rows[] = {{"face-landmark", 60, 8, 0.7},
                {"face-mask", 40, 8, 0.8},
                {"face-id", 50, 8, 0.9},
                {"face-detect", 30, 4, 0.8}};
    lk_error err = {0};
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        lk_face_train_result r = {0};
        lk_face_train_options o = small("falls.safetensors", rows[i].steps, rows[i].batch);
        CHECK_OK(lk_face_train(rows[i].net, &o, &r, NULL, NULL, &err), &err);
        CHECK(r.finished && r.last_loss < rows[i].to * r.first_loss, "%s: %g -> %g", rows[i].net,
              r.first_loss, r.last_loss);
        lk_safetensors *st = NULL;
        CHECK_OK(lk_safetensors_open(o.output, &st, &err), &err);
        CHECK_STR(st ? lk_safetensors_meta(st, "net") : NULL, rows[i].net);
        CHECK(st && !lk_safetensors_find(st, "classes.weight"), "what only training needs is not shipped");
        lk_safetensors_close(st);
    }
}

static void resumes_bit_identically(void)
{
    lk_error err = {0};
    lk_face_train_result r = {0};
    lk_face_train_options whole = small("whole.safetensors", 8, 4), parts = small("parts.safetensors", 8, 4);
    CHECK_OK(lk_face_train("face-mask", &whole, &r, NULL, NULL, &err), &err);
    parts.minutes = 1e-9; /* stops after each step */
    CHECK_OK(lk_face_train("face-mask", &parts, &r, NULL, NULL, &err), &err);
    CHECK_INT(r.steps, 1);
    parts.resume = true;
    CHECK_OK(lk_face_train("face-mask", &parts, &r, NULL, NULL, &err), &err);
    CHECK_INT(r.steps, 2);
    CHECK(!r.finished, "not done yet");
    parts.minutes = 0;
    CHECK_OK(lk_face_train("face-mask", &parts, &r, NULL, NULL, &err), &err);
    CHECK(r.finished, "done");
    lk_hash a, b;
    CHECK_OK(lk_hash_file(whole.output, &a, &err), &err);
    CHECK_OK(lk_hash_file(parts.output, &b, &err), &err);
    CHECK(lk_hash_equal(&a, &b), "resumed weights differ from unbroken ones");
    parts.seed = 8;
    CHECK_STATUS(lk_face_train("face-mask", &parts, &r, NULL, NULL, &err), LK_E_STATE, &err);
    parts.seed = 7;
    CHECK_STATUS(lk_face_train("face-nothing", &parts, &r, NULL, NULL, &err), LK_E_ARG, &err);
    lk_cancel *c = lk_cancel_new();
    lk_cancel_raise(c);
    parts.steps = 20;
    parts.resume = false;
    CHECK_STATUS(lk_face_train("face-mask", &parts, &r, c, NULL, &err), LK_E_CANCELLED, &err);
    CHECK_INT(r.steps, 1);
    lk_cancel_free(c);
}

/* Towers trained by themselves open as one network, under one hash, and without thresholds. */
static void towers_are_joined(void)
{
    lk_error err = {0};
    const char *tower[LK_FACE_TOWERS];
    lk_face_train_options o = small("tower.safetensors", 2, 4);
    lk_face_calibration *c = NULL;
    lk_embedder *e = NULL;
    CHECK_OK(lk_face_train("face-id", &o, NULL, NULL, NULL, &err), &err);
    for (int k = 0; k < LK_FACE_TOWERS; k++) tower[k] = o.output;
    const char *joined = in_tempdir("face-id.safetensors"), *dir = in_tempdir("");
    CHECK_OK(lk_face_join(tower, joined, &err), &err);
    CHECK_OK(lk_embedder_open(dir, &e, &err), &err);
    CHECK_OK(lk_face_calibration_open(dir, &c, &err), &err);
    CHECK(c && !c->has_thresholds, "nothing was measured");
    lk_embedder_close(&e);
    lk_face_calibration_close(&c);
    tower[0] = joined; /* no single tower */
    CHECK_STATUS(lk_face_join(tower, joined, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "no single tower"), "%s", err.message);
    tower[0] = "/nowhere/tower";
    CHECK(lk_face_join(tower, joined, &err) < 0, "a tower that is gone");
}

/* A flat crop under another light is a face-shaped shading: brighter towards it, and the same for the same draw. */
static void another_light(void)
{
    static float a[96 * 96 * 3], b[96 * 96 * 3];
    double least = 9, most = -9;
    for (int i = 0; i < 96 * 96 * 3; i++) a[i] = b[i] = 0.5f;
    lk_rng r = lk_rng_at(3, 1, 0, 0), q = r;
    lk_augment_relight(a, 96, 1, &r);
    lk_augment_relight(b, 96, 1, &q);
    CHECK(!memcmp(a, b, sizeof a), "the same draw, the same light");
    for (int i = 0; i < 96 * 96 * 3; i++) least = fmin(least, a[i]), most = fmax(most, a[i]);
    CHECK(least > 0.05 && most <= 1.0 + 1e-6 && most - least > 0.05, "%g to %g", least, most);
    lk_augment_relight(b, 96, 0, &q);
    CHECK(!memcmp(a, b, sizeof a), "strength 0 changes nothing");
}

static void missing_data(void)
{
    lk_error err = {0};
    lk_face_train_options o = small("none.safetensors", 1, 2);
    o.synthetic = false;
    o.data_dir = in_tempdir("nowhere");
    CHECK(lk_face_train("face-landmark", &o, NULL, NULL, NULL, &err) < 0, "there is no data");
    CHECK(strstr(err.message, "LIKENESS_DATA"), "the remedy is named: %s", err.message);
}

/* Sampling at half the size reads the halved level; outside stays as it was. */
static void pictures(void)
{
    lk_error err = {0};
    lk_image im = {0};
    lk_pic p;
    CHECK_OK(lk_image_new(64, 32, 3, &im, &err), &err);
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 64; x++)
            for (int c = 0; c < 3; c++) im.data[(y * 64 + x) * 3 + c] = (float)x / 64;
    CHECK_OK(lk_pic_make(&im, 64, &p, &err), &err);
    CHECK_INT(p.levels, 3);
    float dst[8 * 8 * 3];
    for (int i = 0; i < 192; i++) dst[i] = -1;
    lk_pic_sample(&p, (lk_affine){2, 0, 20.5f, 0, 2, -7.5f}, false, dst, 8, 8);
    CHECK_NEAR(dst[0], -1, 0);                            /* above the picture */
    CHECK_NEAR(dst[7 * 8 * 3 + 3 * 3], 26.5 / 64, 0.006); /* x = 20.5 + 2 * 3 */
    lk_pic_sample(&p, (lk_affine){1, 0, -100, 0, 1, 0}, true, dst, 8, 8);
    CHECK_NEAR(dst[0], 0, 0.006);
    lk_pic_clear(&p);
    lk_image_clear(&im);
    int perm[LK_LANDMARKS];
    lk_mirror_permutation(perm);
    CHECK_INT(perm[0], 16);
    CHECK_INT(perm[36], 45);
    CHECK_INT(perm[30], 30);
    for (int i = 0; i < LK_LANDMARKS; i++) CHECK_INT(perm[perm[i]], i);
}

static const check_test tests[] = {
    {"pictures", pictures},
    {"missing_data", missing_data},
    {"towers_are_joined", towers_are_joined},
    {"another_light", another_light},
    {"loss_falls", loss_falls},
    {"resumes_bit_identically", resumes_bit_identically},
};

int main(int argc, char **argv)
{
    tempdir_make("nets-train");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
