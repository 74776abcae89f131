/* test_mark.c: nothing leaves without consent, label, tags and a lineage row; and a refusal leaves nothing.
 */
#include <unistd.h>

#include "fault.h"
#include "mark/cast.h"
#include "mark/watermark/watermark.h"

enum { W = 192, H = 128 };

static const lk_media_info like = {.width = W,
                                   .height = H,
                                   .bit_depth = 8,
                                   .chroma = LK_CHROMA_420,
                                   .time_base = {1, 25},
                                   .frame_rate = {25, 1},
                                   .color_matrix = 1,
                                   .color_primaries = 1,
                                   .color_transfer = 1,
                                   .color_range = 1};

static lk_mark_video_spec spec_for(const char *path)
{
    return (lk_mark_video_spec){.path = path, .like = &like, .preset = "ultrafast", .crf = 1};
}

static lk_status put(lk_mark_video *v, int i)
{
    lk_image im;
    lk_frame *f = NULL;
    lk_status s = lk_image_new(W, H, 3, &im, &err);
    for (int k = 0; s == LK_OK && k < W * H * 3; k++) im.data[k] = 0.5f;
    if (s == LK_OK) s = lk_frame_from_image(&im, &f, &err);
    if (s == LK_OK) s = lk_frame_set_time(f, i, 1, (lk_rational){1, 25}, &err);
    if (s == LK_OK) s = lk_mark_video_frame(v, f, i != 0, &err);
    if (f) lk_frame_unref(&f);
    lk_image_clear(&im);
    return s;
}

static lk_status make(const cast *c, const char *path, int frames, lk_label_place place, lk_hash *hash)
{
    lk_mark_video *v = NULL;
    lk_mark_video_spec spec = spec_for(path);
    spec.place = place;
    lk_status s = lk_mark_video_open(&spec, &c->origin, &v, &err);
    for (int i = 0; s == LK_OK && i < frames; i++) s = put(v, i);
    if (s == LK_OK) s = lk_mark_video_finish(&v, hash, NULL, &err);
    lk_mark_video_abort(&v);
    return s;
}

/* The mean of |pixel - 0.5| in the four corners and the lower third's middle: where the label is. */
static void read_corners(const char *path, double d[LK_LABEL_PLACES])
{
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    lk_image im = {0};
    CHECK_OK(lk_reader_open(path, &r, &err), &err);
    if (!r) return;
    CHECK_OK(lk_reader_next(r, &f, &err), &err);
    CHECK_OK(lk_frame_to_image(f, &im, &err), &err);
    static const int at[LK_LABEL_PLACES][2] = {
        {8, H - 22}, {W - 28, H - 22}, {8, 8}, {W - 28, 8}, {W / 2 - 10, H * 5 / 6 - 7}};
    for (int p = 0; p < LK_LABEL_PLACES; p++) {
        d[p] = 0;
        for (int y = 0; y < 14; y++)
            for (int x = 0; x < 20; x++)
                d[p] += fabs(im.data[((at[p][1] + y) * W + at[p][0] + x) * 3] - 0.5) / 280;
    }
    lk_image_clear(&im);
    lk_frame_unref(&f);
    lk_reader_close(&r);
}

static void places_have_names(void)
{
    for (int p = 0; p < LK_LABEL_PLACES; p++)
        CHECK_INT(lk_label_place_parse(lk_label_place_name((lk_label_place)p)), p);
    CHECK_INT(lk_label_place_parse("off"), -1);
    CHECK_INT(lk_label_place_parse(""), -1);
}

typedef struct found {
    lk_hash hash;
    int rows;
    lk_asset asset;
} found;

static lk_status see(void *user, const lk_asset *a, int depth)
{
    found *f = user;
    if (depth != 1 || !lk_hash_equal(&a->hash, &f->hash)) return LK_OK;
    f->asset = *a;
    f->rows++;
    return LK_OK;
}

static lk_status count_asset(void *user, const lk_asset *a)
{
    *(int *)user += !strcmp(a->kind, "output");
    return LK_OK;
}

static int outputs_of(const cast *c)
{
    int n = 0;
    CHECK_OK(lk_lineage_of_record(c->w.r, c->w.ann_record.id, count_asset, &n, &err), &err);
    return n;
}

static void clip_is_marked_and_recorded(void)
{
    cast c;
    cast_open(&c, "clip");
    for (int p = 0; p < LK_LABEL_PLACES; p++) {
        const char *path = in_tempdir("out.mp4");
        lk_hash hash, real;
        double d[LK_LABEL_PLACES];
        unlink(path);
        CHECK_OK(make(&c, path, 5, (lk_label_place)p, &hash), &err);
        CHECK_OK(lk_hash_file(path, &real, &err), &err);
        CHECK(lk_hash_equal(&hash, &real), "the hash given is not the file's");
        read_corners(path, d);
        for (int q = 0; q < LK_LABEL_PLACES; q++)
            if (q == p) CHECK(d[q] > 0.1, "no label at %s: %g", lk_label_place_name((lk_label_place)q), d[q]);
        CHECK(d[(p + 2) % 4] < 0.02 || p == LK_LABEL_LOWER_THIRD, "label opposite of %s too: %g",
              lk_label_place_name((lk_label_place)p), d[(p + 2) % 4]);
        found f = {.hash = hash}; /* looked for among what was made from the film */
        CHECK_OK(lk_lineage_walk(c.w.r, &c.parents[0], false, see, &f, &err), &err);
        CHECK_INT(f.rows, 1);
        CHECK_STR(f.asset.kind, "output");
        CHECK_STR(f.asset.note, "face swap, 5 frames, 4 of them synthetic");
        void *data = NULL;
        size_t n = 0;
        CHECK_OK(lk_file_read(path, 1 << 26, &data, &n, &err), &err);
        char hex[LK_HASH_HEX];
        lk_hash_hex(lk_grant_consent_hash(c.ann), hex);
        static const char *const words[] = {"synthetic",        "Synthetic media (face swap)",
                                            "Likeness 0.",      "compositeWithTrainedAlgorithmicMedia",
                                            "consent_records",  "{\"model\":\"test\"}",
                                            "model_card_sha256"};
        for (size_t i = 0; i < LK_COUNT(words); i++)
            CHECK(memmem(data, n, words[i], strlen(words[i])) != NULL, "no \"%s\" in the file", words[i]);
        CHECK(memmem(data, n, hex, 64) != NULL, "the consent record is not named");
        CHECK(!memmem(data, n, c.w.ann_record.id, 36) && !memmem(data, n, "Ann", 3), "the file tells who");
        lk_free(data);
    }
    CHECK_INT(outputs_of(&c), LK_LABEL_PLACES);
    CHECK_INT(count_entries(tempdir), 2); /* the registry and the last clip */
    cast_close(&c);
    unlink(in_tempdir("out.mp4"));
}

/* The label changes its own place; the rest carries the watermark and the coding's loss, which nobody sees: no pixel
 * far off, and all of it together at least 42 dB above what was changed. */
static void rest_of_the_picture_is_untouched(void)
{
    cast c;
    cast_open(&c, "rest");
    const char *path = in_tempdir("out.mp4");
    CHECK_OK(make(&c, path, 1, LK_LABEL_TOP_LEFT, NULL), &err);
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    lk_image im;
    CHECK_OK(lk_reader_open(path, &r, &err), &err);
    CHECK_OK(lk_reader_next(r, &f, &err), &err);
    CHECK_OK(lk_frame_to_image(f, &im, &err), &err);
    double worst = 0, changed = 0;
    int labelled = 0, rest = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            double d = fabs(im.data[(y * W + x) * 3 + 1] - 0.5);
            if (y >= 48) {
                worst = fmax(worst, d);
                changed += d * d;
                rest++;
            }
            labelled += d > 0.1;
        }
    double db = -10 * log10(changed / rest);
    CHECK(worst < 0.03, "far from the label: %g", worst);
    CHECK(db > 42, "far from the label: %.1f dB", db);
    printf("# far from the label: worst %.4f, %.1f dB\n", worst, db);
    CHECK(labelled > 500 && labelled < W * H / 6, "the label covers %d of %d pixels", labelled, W * H);
    lk_image_clear(&im);
    lk_frame_unref(&f);
    lk_reader_close(&r);
    unlink(path);
    cast_close(&c);
}

static void nothing_without_consent(void)
{
    cast c;
    cast_open(&c, "refuse");
    const char *path = in_tempdir("out.mp4"), *still = in_tempdir("out.png");
    lk_image im;
    CHECK_OK(lk_image_new(64, 64, 3, &im, &err), &err);
    for (int k = 0; k < 6; k++) {
        lk_mark_origin o = c.origin;
        const lk_grant *none[2] = {c.ann, NULL};
        lk_use wrong[2] = {LK_USE_FACE_SOURCE, LK_USE_VOICE};
        lk_status want = LK_E_CONSENT;
        if (k == 0) o.grant_count = 0;
        if (k == 1) o.grants = none;
        if (k == 2) o.uses = wrong;
        if (k == 3) o.registry = NULL;
        if (k == 4) o.grants = NULL;
        if (k == 5) {
            o.action = NULL;
            want = LK_E_ARG;
        }
        lk_mark_video *v = NULL;
        lk_mark_video_spec spec = spec_for(path);
        CHECK_STATUS(lk_mark_video_open(&spec, &o, &v, &err), want, &err);
        CHECK(v == NULL, "case %d gave a writer", k);
        CHECK_STATUS(lk_mark_still(still, &im, true, LK_LABEL_TOP_LEFT, &o, &err), want, &err);
        CHECK_STATUS(lk_mark_still(still, &im, true, LK_LABEL_TOP_LEFT, NULL, &err), LK_E_ARG, &err);
    }
    /* Expired while the grant is held: neither starts. */
    lk_wall_time_set(START + 31 * DAY);
    CHECK_STATUS(make(&c, path, 1, LK_LABEL_TOP_LEFT, NULL), LK_E_CONSENT, &err);
    CHECK_STATUS(lk_mark_still(still, &im, true, LK_LABEL_TOP_LEFT, &c.origin, &err), LK_E_CONSENT, &err);
    lk_wall_time_set(START);
    CHECK_INT(count_entries(tempdir), 1);
    CHECK_INT(outputs_of(&c), 0);
    lk_image_clear(&im);
    cast_close(&c);
}

/* Revoked on the way: noticed at the end, or within two seconds when it goes on longer; nothing stays. */
static void revocation_stops_a_clip(void)
{
    for (int late = 0; late < 2; late++) {
        cast c;
        cast_open(&c, "revoke");
        lk_mark_video *v = NULL;
        lk_mark_video_spec spec = spec_for(in_tempdir("out.mp4"));
        CHECK_OK(lk_mark_video_open(&spec, &c.origin, &v, &err), &err);
        CHECK_OK(put(v, 0), &err);
        CHECK_OK(lk_consent_revoke(c.w.r, c.w.bob_record.id, "no longer", &err), &err);
        if (late) {
            CHECK_OK(put(v, 1), &err); /* still inside the two seconds */
            CHECK_STATUS(lk_mark_video_finish(&v, NULL, NULL, &err), LK_E_CONSENT, &err);
        } else {
            double from = lk_now();
            lk_status s = LK_OK;
            for (int i = 1; s == LK_OK && lk_now() - from < 30; i++) {
                s = put(v, i);
                usleep(50000);
            }
            CHECK_STATUS(s, LK_E_CONSENT, &err);
            CHECK_INT(count_entries(tempdir), 1);
            CHECK_STATUS(put(v, 5000), LK_E_CONSENT, &err); /* and it stays refused */
            CHECK_STATUS(lk_mark_video_finish(&v, NULL, NULL, &err), LK_E_CONSENT, &err);
        }
        CHECK(v == NULL, "finish frees");
        CHECK_INT(count_entries(tempdir), 1);
        CHECK_INT(outputs_of(&c), 0);
        cast_close(&c);
    }
}

/* Without a lineage row there is no file. */
static void unrecorded_is_not_published(void)
{
    cast c;
    cast_open(&c, "row");
    lk_mark_video *v = NULL;
    lk_mark_video_spec spec = spec_for(in_tempdir("out.mp4"));
    CHECK_OK(lk_mark_video_open(&spec, &c.origin, &v, &err), &err);
    CHECK_OK(put(v, 0), &err);
    intrude(
        &c.w,
        "CREATE TRIGGER no_rows BEFORE INSERT ON asset BEGIN SELECT RAISE(ABORT, 'the disk says no'); END");
    lk_status s = lk_mark_video_finish(&v, NULL, NULL, &err);
    CHECK(s == LK_E_MARK || s == LK_E_CONSENT, "status %d: %s", s, err.message);
    CHECK_INT(count_entries(tempdir), 1);
    lk_image im;
    CHECK_OK(lk_image_new(64, 64, 3, &im, &err), &err);
    s = lk_mark_still(in_tempdir("out.png"), &im, true, LK_LABEL_TOP_LEFT, &c.origin, &err);
    CHECK(s == LK_E_MARK || s == LK_E_CONSENT, "status %d: %s", s, err.message);
    CHECK_INT(count_entries(tempdir), 1);
    lk_image_clear(&im);
    cast_close(&c);
}

static void stills(void)
{
    cast c;
    cast_open(&c, "stills");
    lk_image im;
    CHECK_OK(lk_image_new(300, 200, 3, &im, &err), &err);
    for (int i = 0; i < 300 * 200 * 3; i++) im.data[i] = 0.5f;
    static const char *const names[] = {"a.png", "b.jpg"};
    for (int k = 0; k < 2; k++)
        for (int synthetic = 0; synthetic < 2; synthetic++) {
            lk_mark_origin none = {.action = "analysis picture", .desk = c.desk};
            const char *path = in_tempdir(names[k]);
            CHECK_OK(lk_mark_still(path, &im, synthetic, LK_LABEL_BOTTOM_RIGHT, synthetic ? &c.origin : &none,
                                   &err),
                     &err);
            lk_reader *r = NULL;
            lk_frame *f = NULL;
            lk_image back;
            CHECK_OK(lk_reader_open(path, &r, &err), &err);
            CHECK_OK(lk_reader_next(r, &f, &err), &err);
            CHECK_OK(lk_frame_to_image(f, &back, &err), &err);
            int dark = 0;
            for (int i = 0; i < 300 * 200; i++) dark += fabsf(back.data[3 * i] - 0.5f) > 0.1f;
            CHECK(synthetic ? dark > 1000 && dark < 12000 : dark == 0, "%s, synthetic %d: %d pixels changed",
                  names[k], synthetic, dark);
            void *data = NULL;
            size_t n = 0;
            CHECK_OK(lk_file_read(path, 1 << 26, &data, &n, &err), &err);
            const char *word = synthetic ? "Synthetic media" : "no made pixel";
            CHECK(memmem(data, n, word, strlen(word)) != NULL, "%s does not say \"%s\"", names[k], word);
            lk_free(data);
            lk_image_clear(&back);
            lk_frame_unref(&f);
            lk_reader_close(&r);
        }
    CHECK_INT(im.data[0] == 0.5f && im.data[300 * 200 * 3 - 1] == 0.5f, 1); /* the caller's picture stays */
    CHECK_INT(outputs_of(&c), 2);
    CHECK_STATUS(lk_mark_still(in_tempdir("a.bmp"), &im, true, LK_LABEL_TOP_LEFT, &c.origin, &err), LK_E_ARG,
                 &err);
    CHECK_OK(lk_mark_still(in_tempdir("a.png"), &im, true, LK_LABEL_BOTTOM_RIGHT, &c.origin, &err),
             &err); /* the same picture again */
    lk_image_clear(&im);
    unlink(in_tempdir("a.png"));
    unlink(in_tempdir("b.jpg"));
    cast_close(&c);
}

/* Whatever a picture looks like: its mark can be read again, or it does not leave. */
static void small_and_flat_stills(void)
{
    static const int sides[] = {64, 80, 96, 128, 200, 320};
    cast c;
    cast_open(&c, "small");
    wm_key key = wm_public_key();
    int left = 0;
    for (size_t n = 0; n < LK_COUNT(sides); n++)
        for (int look = 0; look < 4; look++) { /* black, white, grey, noise */
            lk_image im;
            int side = sides[n];
            const char *path = in_tempdir("small.png");
            lk_rng r = lk_rng_at(7, (uint32_t)look, 0, 0);
            CHECK_OK(lk_image_new(side, side, 3, &im, &err), &err);
            for (int i = 0; i < side * side * 3; i++)
                im.data[i] = look == 0 ? 0 : look == 1 ? 1 : look == 2 ? 0.5f : lk_rng_uniform(&r);
            lk_status s = lk_mark_still(path, &im, true, LK_LABEL_BOTTOM_RIGHT, &c.origin, &err);
            CHECK((s == LK_OK) == lk_path_exists(path) && (s == LK_OK || s == LK_E_MARK), "%d px, look %d: status %d", side, look, (int)s);
            if (s == LK_OK) {
                wm_found mark;
                CHECK_OK(wm_detect_file(path, &key, &mark, NULL, NULL, &err), &err);
                CHECK(mark.found, "%d px, look %d left with a mark that nobody can read", side, look);
                left++;
            }
            unlink(path);
            lk_image_clear(&im);
        }
    CHECK(left >= 8, "only %d of 24 pictures could be marked at all", left);
    printf("# %d of 24 small or flat pictures could be marked\n", left);
    cast_close(&c);
}

/* From 16 pixels to very wide: always a label, always inside. */
static void label_fits_every_size(void)
{
    static const int sizes[][2] = {{16, 16},   {40, 24},   {64, 64},    {100, 1000}, {640, 64},
                                   {1000, 40}, {641, 363}, {1920, 1080}};
    cast c;
    cast_open(&c, "sizes");
    for (size_t n = 0; n < LK_COUNT(sizes); n++)
        for (int p = 0; p < LK_LABEL_PLACES; p++) {
            lk_image im;
            lk_reader *r = NULL;
            lk_frame *f = NULL;
            const char *path = in_tempdir("s.png");
            CHECK_OK(lk_image_new(sizes[n][0], sizes[n][1], 3, &im, &err), &err);
            unlink(path);
            if (LK_MIN(sizes[n][0], sizes[n][1]) < 64) { /* no room for the hidden mark: then not at all */
                CHECK_STATUS(lk_mark_still(path, &im, true, (lk_label_place)p, &c.origin, &err), LK_E_MARK, &err);
                CHECK_INT(access(path, F_OK), -1);
                lk_image_clear(&im);
                continue;
            }
            CHECK_OK(lk_mark_still(path, &im, true, (lk_label_place)p, &c.origin, &err), &err);
            lk_image_clear(&im);
            CHECK_OK(lk_reader_open(path, &r, &err), &err);
            CHECK_OK(lk_reader_next(r, &f, &err), &err);
            CHECK_OK(lk_frame_to_image(f, &im, &err), &err);
            int bright = 0;
            for (int i = 0; i < im.w * im.h; i++) bright += im.data[3 * i] > 0.5f;
            CHECK(bright > 5, "%d x %d at %s: %d bright pixels", im.w, im.h,
                  lk_label_place_name((lk_label_place)p), bright);
            lk_image_clear(&im);
            lk_frame_unref(&f);
            lk_reader_close(&r);
        }
    unlink(in_tempdir("s.png"));
    cast_close(&c);
}

static void faults_leave_nothing(void)
{
    cast c;
    cast_open(&c, "faults");
    const char *path = in_tempdir("out.mp4");
    for (int kind = 0; kind < LK_FAULT_KINDS; kind++)
        FAULT_LOOP((lk_fault_kind)kind, false, {
            lk_status s = make(&c, path, 2, LK_LABEL_BOTTOM_LEFT, NULL);
            bool there = access(path, F_OK) == 0;
            CHECK(s <= LK_OK && s != LK_E_BUG, "status %d: %s", s, err.message);
            CHECK(there == (s == LK_OK), "status %d and the clip is %s: %s", s, there ? "there" : "not there",
                  err.message);
            unlink(path);
            CHECK_INT(count_entries(tempdir), 1);
        });
    cast_close(&c);
}

static const check_test tests[] = {
    {"places have names", places_have_names},
    {"a clip is marked and recorded", clip_is_marked_and_recorded},
    {"the rest of the picture is untouched", rest_of_the_picture_is_untouched},
    {"nothing without consent", nothing_without_consent},
    {"revocation stops a clip", revocation_stops_a_clip},
    {"the unrecorded is not published", unrecorded_is_not_published},
    {"stills", stills},
    {"small and flat stills", small_and_flat_stills},
    {"the label fits every size", label_fits_every_size},
    {"faults leave nothing", faults_leave_nothing},
};

int main(int argc, char **argv)
{
    tempdir_make("mark");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
