/* Building and reading face datasets: what goes in comes out, near duplicates are
 * thinned, damage is refused, and nothing works without the right grant. */
#include "dataset/drawn.h"
#include "dataset/vault.h"

static lk_error err;

static void test_round_trip(void)
{
    drawn_world w;
    char path[128];
    drawn_world_open(&w);
    drawn_path(&w, "a.dataset", path);
    drawn_dataset(w.source, LK_USE_FACE_SOURCE, 0, 40, path);
    lk_dataset *d = NULL;
    CHECK_OK(lk_dataset_open(path, w.source, LK_USE_FACE_SOURCE, &d, &err), &err);
    CHECK_INT(lk_dataset_count(d), 40);
    CHECK_STR(lk_dataset_subject(d), lk_grant_subject_id(w.source));
    CHECK_STR(lk_dataset_record(d), w.record[0]);
    lk_hash file, said = lk_dataset_hash(d);
    CHECK_OK(lk_hash_file(path, &file, &err), &err);
    CHECK(lk_hash_equal(&file, &said), "the hash is not the file's");
    for (int i = 0; i < 40; i += 7) {
        lk_sample s = lk_dataset_at(d, i);
        CHECK_INT(s.frame, i);
        CHECK_INT(s.clip, 0);
        /* The crop must show the frame: compare with the frame warped here at the sample's own landmarks. */
        drawn_face f = drawn_any(0, i);
        lk_image frame, crop;
        lk_point lm[LK_LANDMARKS];
        drawn_make(&f, &frame, lm);
        CHECK_OK(lk_image_new(LK_SAMPLE_SIZE, LK_SAMPLE_SIZE, 3, &crop, &err), &err);
        lk_affine m = lk_face_align(lm, LK_SAMPLE_SIZE, LK_SAMPLE_COVERAGE);
        lk_image_warp(&frame, &crop, lk_affine_invert(m), LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
        double difference = 0, in_mask = 0;
        for (int k = 0; k < LK_SAMPLE_SIZE * LK_SAMPLE_SIZE; k++) {
            for (int c = 0; c < 3; c++)
                difference += fabs((double)crop.data[3 * k + c] - s.rgb[3 * k + c] / 255.0);
            in_mask += s.mask[k] > 127;
        }
        CHECK_NEAR(difference / (3 * LK_SAMPLE_SIZE * LK_SAMPLE_SIZE), 0.0, 0.01);
        CHECK_NEAR(in_mask / (LK_SAMPLE_SIZE * LK_SAMPLE_SIZE), 0.28, 0.12);
        float x, y;
        lk_affine_apply(m, lm[30].x, lm[30].y, &x, &y);
        CHECK_NEAR(s.lm[60], x, 1e-3);
        CHECK_NEAR(s.lm[61], y, 1e-3);
        CHECK_NEAR(s.scale, sqrtf(m.a * m.a + m.d * m.d), 1e-3);
        CHECK(s.sharpness > 0, "a drawn face has edges");
        lk_image_clear(&frame);
        lk_image_clear(&crop);
    }
    lk_text t = {0};
    lk_dataset_coverage(d, &t);
    CHECK(t.s && strstr(t.s, "40 samples") && strstr(t.s, "few samples"), "%s", t.s ? t.s : "");
    lk_text_clear(&t);
    lk_dataset_close(&d);
    drawn_world_close(&w);
}

/* Of 90 pictures, 80 of them one and the same, 24 are to stay: every odd one must be among them. */
static void test_thinning(void)
{
    drawn_world w;
    char path[128];
    drawn_world_open(&w);
    drawn_path(&w, "a.dataset", path);
    lk_dataset_builder *b = NULL;
    CHECK_OK(lk_dataset_builder_new(w.source, LK_USE_FACE_SOURCE, 24, &b, &err), &err);
    for (int i = 0; i < 90; i++) {
        bool odd = i % 9 == 4;
        drawn_face f = {.mouth = odd ? (float)i / 90 : 0.0f, .yaw = odd ? (float)i / 45 - 1 : 0.0f,
                        .eyes = 0.5f, .light = 1};
        lk_image frame;
        lk_point lm[LK_LANDMARKS];
        drawn_make(&f, &frame, lm);
        CHECK_OK(lk_dataset_builder_add(b, &frame, lm, NULL, i, 3, &err), &err);
        lk_image_clear(&frame);
    }
    CHECK_OK(lk_dataset_builder_finish(&b, path, NULL, &err), &err);
    lk_dataset *d = NULL;
    CHECK_OK(lk_dataset_open(path, w.source, LK_USE_FACE_SOURCE, &d, &err), &err);
    CHECK_INT(lk_dataset_count(d), 24);
    int odd = 0;
    for (int i = 0; i < lk_dataset_count(d); i++) {
        lk_sample s = lk_dataset_at(d, i);
        odd += s.frame % 9 == 4;
        CHECK_INT(s.clip, 3);
        if (i) CHECK(s.frame > lk_dataset_at(d, i - 1).frame, "the order is lost");
    }
    CHECK_INT(odd, 10);
    lk_dataset_close(&d);
    drawn_world_close(&w);
}

static void test_consent(void)
{
    drawn_world w;
    char path[128];
    drawn_world_open(&w);
    drawn_path(&w, "a.dataset", path);
    lk_dataset_builder *b = NULL;
    lk_dataset *d = NULL;
    CHECK_STATUS(lk_dataset_builder_new(NULL, LK_USE_FACE_SOURCE, 0, &b, &err), LK_E_CONSENT, &err);
    CHECK_STATUS(lk_dataset_builder_new(w.source, LK_USE_FACE_TARGET, 0, &b, &err), LK_E_CONSENT, &err);
    CHECK_STATUS(lk_dataset_import(w.target, LK_USE_FACE_SOURCE, NULL, NULL, (const char *[]){"x.mp4"}, 1, -1, 0, path,
                                   NULL, NULL, NULL, NULL, &err), LK_E_CONSENT, &err);
    CHECK(!lk_path_exists(path), "a refused import left a file");
    drawn_dataset(w.source, LK_USE_FACE_SOURCE, 0, 20, path);
    CHECK_STATUS(lk_dataset_open(path, NULL, LK_USE_FACE_SOURCE, &d, &err), LK_E_CONSENT, &err);
    CHECK_STATUS(lk_dataset_open(path, w.source, LK_USE_FACE_TARGET, &d, &err), LK_E_CONSENT, &err);
    CHECK_STATUS(lk_dataset_open(path, w.target, LK_USE_FACE_TARGET, &d, &err), LK_E_CONSENT, &err);

    /* Revoked while frames are being added: the file is not written. */
    char late[128];
    drawn_path(&w, "late.dataset", late);
    CHECK_OK(lk_dataset_builder_new(w.source, LK_USE_FACE_SOURCE, 0, &b, &err), &err);
    drawn_face f = drawn_any(0, 1);
    lk_image frame;
    lk_point lm[LK_LANDMARKS];
    drawn_make(&f, &frame, lm);
    CHECK_OK(lk_dataset_builder_add(b, &frame, lm, NULL, 1, 0, &err), &err);
    CHECK_OK(lk_consent_revoke(w.registry, w.record[0], "changed my mind", &err), &err);
    CHECK_STATUS(lk_dataset_builder_finish(&b, late, NULL, &err), LK_E_CONSENT, &err);
    CHECK(!b, "finish must free the builder");
    CHECK(!lk_path_exists(late), "a dataset was written after the revocation");
    CHECK_STATUS(lk_dataset_open(path, w.source, LK_USE_FACE_SOURCE, &d, &err), LK_E_CONSENT, &err);
    lk_image_clear(&frame);
    drawn_world_close(&w);
}

/* A file that is whole and bound to Ann's record, but is a `kind`, says `format` and holds landmarks of `points` points,
 * the first coordinate being `first`. */
static void open_made(const drawn_world *w, const char *kind, const char *format, int points, float first,
                      lk_status want)
{
    char path[128];
    static lk_bind_info what;
    lk_bind_key *key = NULL;
    drawn_path(w, "made.dataset", path);
    const int64_t side = LK_SAMPLE_SIZE;
    static uint8_t pixels[LK_SAMPLE_SIZE * LK_SAMPLE_SIZE * 3];
    float lm[2 * LK_LANDMARKS] = {first}, info[5] = {0};
    int32_t index[2] = {0};
    lk_named_tensor t[] = {
        {.name = "rgb", .dtype = "U8", .rank = 4, .dim = {1, side, side, 3}, .data = pixels,
         .bytes = sizeof pixels},
        {.name = "mask", .dtype = "U8", .rank = 3, .dim = {1, side, side}, .data = pixels,
         .bytes = sizeof pixels / 3},
        {.name = "landmarks", .dtype = "F32", .rank = 3, .dim = {1, points, 2}, .data = lm,
         .bytes = (size_t)points * 8},
        {.name = "info", .dtype = "F32", .rank = 2, .dim = {1, 5}, .data = info, .bytes = sizeof info},
        {.name = "index", .dtype = "I32", .rank = 2, .dim = {1, 2}, .data = index, .bytes = sizeof index},
    };
    snprintf(what.detail, sizeof what.detail, "{\"format\":\"%s\",\"samples\":1}", format);
    const lk_grant *ann = w->source;
    CHECK_OK(lk_bind_key_new(kind, path, &ann, 1, &key, &err), &err);
    CHECK_OK(lk_vault_write(key, path, &what, t, points ? 5 : 2, "", NULL, &err), &err);
    lk_bind_key_free(&key);
    lk_dataset *d = NULL;
    CHECK_STATUS(lk_dataset_open(path, w->source, LK_USE_FACE_SOURCE, &d, &err), want, &err);
    CHECK(!d == (want != LK_OK), "a handle for a file that was refused");
    lk_dataset_close(&d);
}

static void test_damage(void)
{
    drawn_world w;
    char path[128], bad[128];
    drawn_world_open(&w);
    drawn_path(&w, "a.dataset", path);
    drawn_path(&w, "bad.dataset", bad);
    drawn_dataset(w.source, LK_USE_FACE_SOURCE, 0, 4, path);
    open_made(&w, "face dataset", "likeness-dataset-2", LK_LANDMARKS, 1, LK_OK);
    open_made(&w, "face dataset", "likeness-dataset-9", LK_LANDMARKS, 1, LK_E_FORMAT);
    open_made(&w, "swap model", "likeness-dataset-2", LK_LANDMARKS, 1, LK_E_FORMAT);
    open_made(&w, "face dataset", "likeness-dataset-2", LK_LANDMARKS - 1, 1, LK_E_FORMAT);
    open_made(&w, "face dataset", "likeness-dataset-2", 0, 1, LK_E_FORMAT); /* tensors missing */
    open_made(&w, "face dataset", "likeness-dataset-2", LK_LANDMARKS, INFINITY, LK_E_FORMAT);
    void *data;
    size_t n;
    lk_dataset *d = NULL;
    CHECK_OK(lk_file_read(path, (size_t)64 << 20, &data, &n, &err), &err);
    for (size_t cut = 0; cut < n; cut += n / 13) {
        CHECK_OK(lk_file_write_atomic(bad, data, cut, &err), &err);
        CHECK_STATUS(lk_dataset_open(bad, w.source, LK_USE_FACE_SOURCE, &d, &err), LK_E_FORMAT, &err);
    }
    ((uint8_t *)data)[n / 2] ^= 1;
    CHECK_OK(lk_file_write_atomic(bad, data, n, &err), &err);
    CHECK_STATUS(lk_dataset_open(bad, w.source, LK_USE_FACE_SOURCE, &d, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "bad.dataset"), "the message does not name the file: %s", err.message);
    lk_free(data);
    /* Landmarks that are no numbers do not get in either. */
    lk_dataset_builder *b = NULL;
    lk_image frame;
    lk_point lm[LK_LANDMARKS];
    drawn_face f = drawn_any(0, 0);
    drawn_make(&f, &frame, lm);
    CHECK_OK(lk_dataset_builder_new(w.source, LK_USE_FACE_SOURCE, 0, &b, &err), &err);
    lm[5].x = NAN;
    CHECK_STATUS(lk_dataset_builder_add(b, &frame, lm, NULL, 0, 0, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_dataset_builder_finish(&b, bad, NULL, &err), LK_E_NOTFOUND, &err);
    lk_image_clear(&frame);
    drawn_world_close(&w);
}

static void test_sources(void)
{
    drawn_world w;
    char path[128];
    drawn_world_open(&w);
    drawn_path(&w, "a.dataset", path);
    lk_dataset_builder *b = NULL;
    CHECK_OK(lk_dataset_builder_new(w.source, LK_USE_FACE_SOURCE, 0, &b, &err), &err);
    lk_hash h = lk_hash_bytes("a clip", 6);
    CHECK_OK(lk_dataset_builder_source(b, &h, &err), &err);
    drawn_face f = drawn_any(0, 1);
    lk_image frame;
    lk_point lm[LK_LANDMARKS];
    drawn_make(&f, &frame, lm);
    CHECK_OK(lk_dataset_builder_add(b, &frame, lm, NULL, 1, 0, &err), &err);
    CHECK_OK(lk_dataset_builder_finish(&b, path, NULL, &err), &err);
    static lk_bind_info info;
    CHECK_OK(lk_bind_info_read(path, &info, &err), &err);
    CHECK(info.parent_count == 1 && lk_hash_equal(&info.parents[0], &h), "the header does not name the clip");
    /* A plain file of tensors, as anybody can write one, is nobody's dataset. */
    lk_named_tensor t = {.name = "rgb", .dtype = "U8", .rank = 1, .dim = {1}, .data = "x", .bytes = 1};
    lk_dataset *d = NULL;
    CHECK_OK(lk_safetensors_write(path, &t, 1, "{\"format\":\"likeness-dataset-2\"}", &err), &err);
    CHECK_STATUS(lk_dataset_open(path, w.source, LK_USE_FACE_SOURCE, &d, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "import the clip again"), "no remedy: %s", err.message);
    CHECK_OK(lk_dataset_builder_new(w.source, LK_USE_FACE_SOURCE, 0, &b, &err), &err);
    for (int i = 0; i < 64; i++) CHECK_OK(lk_dataset_builder_source(b, &h, &err), &err);
    CHECK_STATUS(lk_dataset_builder_source(b, &h, &err), LK_E_RANGE, &err);
    lk_dataset_builder_free(&b);
    lk_image_clear(&frame);
    drawn_world_close(&w);
}

static const check_test tests[] = {{"round_trip", test_round_trip}, {"thinning", test_thinning},
                                   {"consent", test_consent}, {"damage", test_damage},
                                       {"sources", test_sources}};
CHECK_MAIN(tests)
