/* The shipped face networks: they open, they see a face where there is one, they
 * answer alike every time, and a damaged file is an error that names itself. */
#include <unistd.h>

#include "face/nets.h"
#include "check.h"
#include "tempdir.h"

static const char *const names[] = {"face-detect", "face-landmark", "face-mask", "face-id"};

static void read_photo(lk_image *out)
{
    lk_error err = {0};
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    CHECK_OK(lk_reader_open(TEST_DATA "/face_cc0.jpg", &r, &err), &err);
    if (r) CHECK_OK(lk_reader_next(r, &f, &err), &err);
    if (f) CHECK_OK(lk_frame_to_image(f, out, &err), &err);
    lk_frame_unref(&f);
    lk_reader_close(&r);
}

static void mean_of(const lk_point *p, int from, int to, float *x, float *y)
{
    *x = *y = 0;
    for (int i = from; i < to; i++) *x += p[i].x / (float)(to - from), *y += p[i].y / (float)(to - from);
}

/* One detection; eyes, nose and mouth in their order; a second look from the points moves little. */
static void one_face(void)
{
    lk_error err = {0};
    lk_image im = {0};
    lk_detector *d = NULL;
    lk_landmarker *l = NULL;
    lk_detection found[16];
    int n = 0;
    read_photo(&im);
    CHECK_OK(lk_detector_open(NULL, &d, &err), &err);
    CHECK_OK(lk_landmarker_open(NULL, &l, &err), &err);
    if (!im.data || !d || !l) return;
    CHECK_OK(lk_detector_run(d, &im, 24, 0, found, 16, &n, &err), &err);
    CHECK_INT(n, 1);
    lk_point lm[LK_LANDMARKS], again[LK_LANDMARKS];
    float quality = 0, spread[LK_LANDMARKS];
    CHECK_OK(lk_landmarker_run(l, &im, lk_landmark_frame_box(found[0].box), lm, &quality, spread, &err),
             &err);
    CHECK(quality > 0.5f, "quality %g", (double)quality);
    float lx, ly, rx, ry, mx, my, eye = lk_face_interocular(lm);
    mean_of(lm, 36, 42, &rx, &ry);
    mean_of(lm, 42, 48, &lx, &ly);
    mean_of(lm, 48, 60, &mx, &my);
    CHECK(rx < lm[30].x && lm[30].x < lx, "the nose tip %g lies between the eyes %g and %g", (double)lm[30].x,
          (double)rx, (double)lx);
    CHECK(ry < lm[30].y && ly < lm[30].y && lm[30].y < my, "the nose tip lies between eyes and mouth");
    CHECK(lm[8].y > my && eye > 20, "the chin is the lowest");
    CHECK(lk_rect_iou(lk_face_box(lm), found[0].box) > 0.6f, "the box is the points' box");
    CHECK_OK(lk_landmarker_run(l, &im, lk_landmark_frame_points(lm), again, &quality, NULL, &err), &err);
    for (int i = 0; i < LK_LANDMARKS; i++)
        CHECK(hypotf(again[i].x - lm[i].x, again[i].y - lm[i].y) < 0.25f * eye, "point %d jumped", i);
    lk_detector_close(&d);
    lk_landmarker_close(&l);
    lk_image_clear(&im);
}

/* The same face turned by 30 degrees has the same points, turned. */
static void turned_face(void)
{
    lk_error err = {0};
    lk_image im = {0}, turned = {0};
    lk_detector *d = NULL;
    lk_landmarker *l = NULL;
    lk_detection found[4];
    lk_point a[LK_LANDMARKS], b[LK_LANDMARKS];
    float quality;
    int n = 0;
    read_photo(&im);
    CHECK_OK(lk_detector_open(NULL, &d, &err), &err);
    CHECK_OK(lk_landmarker_open(NULL, &l, &err), &err);
    CHECK_OK(lk_image_new(im.w, im.h, 3, &turned, &err), &err);
    if (!turned.data || !d || !l) return;
    CHECK_OK(lk_detector_run(d, &im, 24, 0, found, 4, &n, &err), &err);
    CHECK_OK(lk_landmarker_run(l, &im, lk_landmark_frame_box(found[0].box), a, &quality, NULL, &err), &err);
    CHECK_OK(lk_landmarker_run(l, &im, lk_landmark_frame_points(a), a, &quality, NULL, &err), &err);
    float c = cosf(0.5236f), s = sinf(0.5236f), cx = a[30].x, cy = a[30].y;
    lk_affine turn = {c, -s, cx - c * cx + s * cy, s, c, cy - s * cx - c * cy};
    lk_image_warp(&im, &turned, lk_affine_invert(turn), LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
    CHECK_OK(lk_detector_run(d, &turned, 24, 0, found, 4, &n, &err), &err);
    CHECK(n >= 1, "the turned face is found");
    CHECK_OK(lk_landmarker_run(l, &turned, lk_landmark_frame_box(found[0].box), b, &quality, NULL, &err),
             &err);
    CHECK_OK(lk_landmarker_run(l, &turned, lk_landmark_frame_points(b), b, &quality, NULL, &err), &err);
    float eye = lk_face_interocular(a), sum = 0;
    for (int i = 0; i < LK_LANDMARKS; i++) {
        lk_affine_apply(turn, a[i].x, a[i].y, &a[i].x, &a[i].y);
        sum += hypotf(a[i].x - b[i].x, a[i].y - b[i].y) / eye / LK_LANDMARKS;
    }
    CHECK(sum < 0.04f, "the points moved by %g of the eye distance", (double)sum);
    lk_detector_close(&d);
    lk_landmarker_close(&l);
    lk_image_clear(&im);
    lk_image_clear(&turned);
}

static void odd_pictures(void)
{
    static const int sizes[][2] = {{1, 1}, {7, 3}, {33, 517}, {700, 9}, {64, 64}};
    lk_error err = {0};
    lk_detector *d = NULL;
    lk_detection found[16];
    int n = -1;
    CHECK_OK(lk_detector_open(NULL, &d, &err), &err);
    if (!d) return;
    for (size_t i = 0; i < LK_COUNT(sizes); i++) {
        lk_image im = {0};
        CHECK_OK(lk_image_new(sizes[i][0], sizes[i][1], 3, &im, &err), &err);
        for (int k = 0; k < im.w * im.h * 3; k++) im.data[k] = 0.5f;
        CHECK_OK(lk_detector_run(d, &im, 24, 0, found, 16, &n, &err), &err);
        CHECK_INT(n, 0);
        lk_image_clear(&im);
    }
    lk_image grey = {0};
    CHECK_OK(lk_image_new(64, 64, 1, &grey, &err), &err);
    CHECK_STATUS(lk_detector_run(d, &grey, 24, 0, found, 16, &n, &err), LK_E_ARG, &err);
    lk_image_clear(&grey);
    lk_detector_close(&d);
}

/* The mask covers the middle of the face and not the picture's corners; a crop of another size gives the
 * same. */
static void mask_and_identity(void)
{
    lk_error err = {0};
    lk_image im = {0}, crop = {0}, mask = {0}, big = {0};
    lk_detector *d = NULL;
    lk_landmarker *l = NULL;
    lk_masker *m = NULL;
    lk_embedder *e = NULL;
    lk_detection found[4];
    lk_point lm[LK_LANDMARKS];
    float quality, v[LK_EMBEDDING], w[LK_EMBEDDING];
    int n = 0;
    read_photo(&im);
    CHECK_OK(lk_detector_open(NULL, &d, &err), &err);
    CHECK_OK(lk_landmarker_open(NULL, &l, &err), &err);
    CHECK_OK(lk_masker_open(NULL, &m, &err), &err);
    CHECK_OK(lk_embedder_open(NULL, &e, &err), &err);
    CHECK_OK(lk_image_new(96, 96, 3, &crop, &err), &err);
    CHECK_OK(lk_image_new(192, 192, 3, &big, &err), &err);
    CHECK_OK(lk_image_new(96, 96, 1, &mask, &err), &err);
    if (!im.data || !d || !l || !m || !e) return;
    CHECK_OK(lk_detector_run(d, &im, 24, 0, found, 4, &n, &err), &err);
    CHECK_OK(lk_landmarker_run(l, &im, lk_landmark_frame_box(found[0].box), lm, &quality, NULL, &err), &err);
    CHECK_OK(lk_landmarker_run(l, &im, lk_landmark_frame_points(lm), lm, &quality, NULL, &err), &err);
    lk_image_warp(&im, &crop, lk_affine_invert(lk_face_align(lm, 96, LK_FACE_CROP_COVERAGE)), LK_FILTER_AREA,
                  LK_BORDER_CLAMP);
    lk_image_warp(&im, &big, lk_affine_invert(lk_face_align(lm, 192, LK_FACE_CROP_COVERAGE)), LK_FILTER_AREA,
                  LK_BORDER_CLAMP);
    CHECK_OK(lk_masker_run(m, &crop, &mask, &err), &err);
    CHECK(mask.data[52 * 96 + 48] > 0.8f, "the middle is face: %g", (double)mask.data[52 * 96 + 48]);
    CHECK(mask.data[0] < 0.2f && mask.data[95] < 0.2f && mask.data[95 * 96] < 0.2f, "the corners are not");
    CHECK_OK(lk_embedder_run(e, &crop, v, &err), &err);
    CHECK_OK(lk_embedder_run(e, &big, w, &err), &err);
    CHECK_NEAR(lk_embedding_cosine(v, v), 1, 1e-5);
    CHECK(lk_embedding_cosine(v, w) > 0.8f, "the same face at another size: %g",
          (double)lk_embedding_cosine(v, w));
    CHECK_STATUS(lk_masker_run(m, &big, &mask, &err), LK_E_ARG, &err);
    lk_image_clear(&im);
    lk_image_clear(&crop);
    lk_image_clear(&big);
    lk_image_clear(&mask);
    lk_detector_close(&d);
    lk_landmarker_close(&l);
    lk_masker_close(&m);
    lk_embedder_close(&e);
}

static void same_answer_twice(void)
{
    lk_error err = {0};
    lk_image im = {0};
    lk_detection a[16], b[16];
    lk_point p[2][LK_LANDMARKS];
    int na = 0, nb = 0;
    float q;
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    read_photo(&im);
    for (int turn = 0; turn < 2 && im.data; turn++) {
        lk_detector *d = NULL;
        lk_landmarker *l = NULL;
        CHECK_OK(lk_detector_open(NULL, &d, &err), &err);
        CHECK_OK(lk_landmarker_open(NULL, &l, &err), &err);
        if (!d || !l) return;
        CHECK_OK(lk_detector_run(d, &im, 24, 0.05f, turn ? b : a, 16, turn ? &nb : &na, &err), &err);
        CHECK_OK(lk_landmarker_run(l, &im, lk_landmark_frame_box(a[0].box), p[turn], &q, NULL, &err), &err);
        lk_detector_close(&d);
        lk_landmarker_close(&l);
    }
    CHECK_INT(na, nb);
    CHECK(!memcmp(a, b, sizeof a), "detections differ");
    CHECK(!memcmp(p[0], p[1], sizeof p[0]), "points differ");
    lk_image_clear(&im);
}

static lk_status open_all(const char *dir, int which, lk_error *err)
{
    lk_detector *d = NULL;
    lk_landmarker *l = NULL;
    lk_masker *m = NULL;
    lk_embedder *e = NULL;
    lk_detection found[1];
    lk_image im = {0};
    int n;
    lk_status s = which == 0 ? lk_detector_open(dir, &d, err) : which == 1 ? lk_landmarker_open(dir, &l, err)
                : which == 2 ? lk_masker_open(dir, &m, err) : lk_embedder_open(dir, &e, err);
    if (d && s == LK_OK && lk_image_new(64, 64, 3, &im, err) == LK_OK)
        s = lk_detector_run(d, &im, 24, 0, found, 1, &n, err);
    lk_image_clear(&im);
    lk_detector_close(&d);
    lk_landmarker_close(&l);
    lk_masker_close(&m);
    lk_embedder_close(&e);
    return s;
}

static void damaged_models(void)
{
    lk_error err = {0};
    for (int i = 0; i < 4; i++) {
        char good[1200];
        void *data = NULL;
        size_t n = 0;
        snprintf(good, sizeof good, "%s/%s.safetensors", lk_models_dir(), names[i]);
        CHECK_OK(lk_file_read(good, 64u << 20, &data, &n, &err), &err);
        if (!data) return;
        char file[64];
        snprintf(file, sizeof file, "%s.safetensors", names[i]);
        const char *path = in_tempdir(file);
        CHECK_OK(lk_file_write_atomic(path, data, n / 2, &err), &err);
        CHECK_STATUS(open_all(tempdir, i, &err), LK_E_FORMAT, &err);
        CHECK(strstr(err.message, names[i]), "the message names the file: %s", err.message);
        ((uint8_t *)data)[n - 100] ^= 0x40;
        CHECK_OK(lk_file_write_atomic(path, data, n, &err), &err);
        CHECK_STATUS(open_all(tempdir, i, &err), LK_E_FORMAT, &err);
        CHECK(strstr(err.message, names[i]), "the message names the file: %s", err.message);
        lk_free(data);
        /* another network under this name */
        snprintf(good, sizeof good, "%s/%s.safetensors", lk_models_dir(), names[(i + 1) % 4]);
        CHECK_OK(lk_file_read(good, 64u << 20, &data, &n, &err), &err);
        CHECK_OK(lk_file_write_atomic(path, data, n, &err), &err);
        CHECK_STATUS(open_all(tempdir, i, &err), LK_E_FORMAT, &err);
        lk_free(data);
        unlink(path);
        CHECK(open_all(tempdir, i, &err) < 0 && strstr(err.message, names[i]), "a missing file is named: %s",
              err.message);
    }
}

/* The maps from picture to crop do what their comments say. */
static void frames_and_boxes(void)
{
    lk_point lm[LK_LANDMARKS], out[LK_LANDMARKS];
    lk_face_mean_shape(200, 1.5f, lm);
    for (int turn = -40; turn <= 40; turn += 20) {
        float c = cosf((float)turn * 0.01745f), s = sinf((float)turn * 0.01745f);
        for (int i = 0; i < LK_LANDMARKS; i++)
            out[i] = (lk_point){c * lm[i].x - s * lm[i].y + 300, s * lm[i].x + c * lm[i].y + 50};
        lk_affine m = lk_landmark_frame_points(out);
        for (int i = 0; i < LK_LANDMARKS; i++) lk_affine_apply(m, out[i].x, out[i].y, &out[i].x, &out[i].y);
        lk_rect b = lk_face_box(out);
        CHECK_NEAR((b.x0 + b.x1) / 2, 47.5, 0.2);
        CHECK_NEAR((b.y0 + b.y1) / 2, 47.5, 0.2);
        CHECK_NEAR(fmaxf(b.x1 - b.x0, b.y1 - b.y0), 96 / LK_LANDMARK_MARGIN, 0.2);
        CHECK_NEAR((out[36].x + out[45].x) / 2, (out[48].x + out[54].x) / 2, 0.6);
    }
    lk_rect a = {0, 0, 2, 2}, b = {1, 1, 3, 3}, far = {9, 9, 10, 10};
    CHECK_NEAR(lk_rect_iou(a, b), 1.0 / 7, 1e-6);
    CHECK_NEAR(lk_rect_iou(a, far), 0, 0);
    lk_detection d[] = {
        {{0, 0, 10, 10}, 0.6f}, {{1, 1, 11, 11}, 0.9f}, {{20, 20, 30, 30}, 0.3f}, {{3, 3, 7, 7}, 0.5f}};
    lk_detection_sort(d, 4);
    CHECK_INT(lk_detection_nms(d, 4, 0.4f), 2); /* the overlap and the part of a face are gone */
    CHECK_NEAR(d[0].score, 0.9, 1e-6);
    CHECK_NEAR(d[1].score, 0.3, 1e-6);
}

/* A sharp peak is read off exactly; between two cells it lies half way. */
static void heat_points(void)
{
    static float z[LK_HEAT * LK_HEAT * LK_LANDMARKS];
    lk_point lm[LK_LANDMARKS];
    float spread[LK_LANDMARKS];
    for (size_t i = 0; i < LK_COUNT(z); i++) z[i] = -30;
    for (int k = 0; k < LK_LANDMARKS; k++) {
        z[(5 * LK_HEAT + 7) * LK_LANDMARKS + k] = 10;
        if (k % 2) z[(5 * LK_HEAT + 8) * LK_LANDMARKS + k] = 10;
    }
    lk_heat_points(z, lm, spread);
    CHECK_NEAR(lm[0].x, 7 * 4 + 1.5, 1e-3);
    CHECK_NEAR(lm[0].y, 5 * 4 + 1.5, 1e-3);
    CHECK_NEAR(spread[0], 0, 1e-2);
    CHECK_NEAR(lm[1].x, 7.5 * 4 + 1.5, 1e-3);
    CHECK_NEAR(spread[1], 2, 1e-2);
}

static const check_test tests[] = {
    {"heat_points", heat_points},
    {"frames_and_boxes", frames_and_boxes},
    {"one_face", one_face},
    {"turned_face", turned_face},
    {"odd_pictures", odd_pictures},
    {"mask_and_identity", mask_and_identity},
    {"same_answer_twice", same_answer_twice},
    {"damaged_models", damaged_models},
};

int main(int argc, char **argv)
{
    tempdir_make("nets");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
