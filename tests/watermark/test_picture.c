/* test_picture.c: the picture's watermark on made scenes: how much it changes, what it survives, what it refuses. */
#include <stdio.h>

#include "check.h"
#include "fault.h"
#include "mark/watermark/attacks.h"
#include "mark/watermark/video.h"
#include "media/writer.h"
#include "tempdir.h"

#define ID 0xc0ffee0123456789ull

/* A grey scene: a slope of light, soft discs, a patch of texture, something that moves. */
static void scene(int w, int h, int n, lk_image *out)
{
    lk_error err = {0};
    CHECK_OK(lk_image_new(w, h, 1, out, &err), &err);
    lk_rng rng = lk_rng_at(3, 0, 0, 0);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const float u = (float)x / (float)w, v = (float)y / (float)h, grain = lk_rng_uniform(&rng) - 0.5f;
            float p = 0.25f + 0.3f * u + 0.15f * v;
            for (int k = 0; k < 5; k++) {
                const float dx = u - 0.17f * (float)(k + 1), dy = v - 0.5f - 0.3f * sinf((float)(k * 2 + n) * 0.1f * (float)(k + 1));
                const float d = sqrtf(dx * dx * 3 + dy * dy) - 0.12f;
                p += (k & 1 ? 0.25f : -0.2f) / (1 + expf(d * 150));
            }
            if (u > 0.6f && v > 0.55f) p += 0.2f * grain;
            out->data[(size_t)y * w + x] = LK_CLAMP(p, 0.0f, 1.0f);
        }
}

static lk_frame *frame_of(const lk_image *im)
{
    lk_error err = {0};
    lk_frame *f = NULL;
    CHECK_OK(lk_frame_from_image(im, &f, &err), &err);
    return f;
}

/* --- files: bare YUV4MPEG2, which every layout can be written to by hand ------------------------------------------- */

typedef struct layout { const char *tag; int depth, cw, ch; } layout; /* chroma sides as divisors; 0 = none */

static const char *write_y4m(const char *name, const layout *l, int w, int h, int frames, float level)
{
    const char *path = in_tempdir(name);
    FILE *f = fopen(path, "wb");
    fprintf(f, "YUV4MPEG2 W%d H%d F25:1 Ip A1:1 C%s\n", w, h, l->tag);
    for (int n = 0; n < frames; n++) {
        lk_image im;
        scene(w, h, n, &im);
        fprintf(f, "FRAME\n");
        for (int p = 0; p < (l->cw ? 3 : 1); p++) {
            const int pw = p ? (w + l->cw - 1) / l->cw : w, ph = p ? (h + l->ch - 1) / l->ch : h;
            for (int y = 0; y < ph; y++)
                for (int x = 0; x < pw; x++) {
                    const float v = p ? 0.5f + 0.1f * sinf((float)(x + y) * 0.05f) : level * im.data[(size_t)y * w + x];
                    const int code = (int)((16 + 219 * v) * (float)(1 << (l->depth - 8)) + 0.5f);
                    fputc(code & 255, f);
                    if (l->depth > 8) fputc(code >> 8, f);
                }
        }
        lk_image_clear(&im);
    }
    fclose(f);
    return path;
}

static double psnr_between(const lk_frame *a, const lk_frame *b)
{
    const lk_luma p = lk_frame_luma(a), q = lk_frame_luma(b);
    double sum = 0;
    for (int y = 0; y < p.height; y++)
        for (int x = 0; x < p.width; x++) {
            const uint8_t *r = (const uint8_t *)p.plane[0] + y * p.stride[0], *s = (const uint8_t *)q.plane[0] + y * q.stride[0];
            const int d = p.bit_depth > 8 ? ((const uint16_t *)r)[x] - ((const uint16_t *)s)[x] : r[x] - s[x];
            sum += (double)d * d;
        }
    const double unit = 1 << (p.bit_depth - 8), mse = sum / ((double)p.width * p.height) / (unit * unit);
    return mse > 0 ? 10 * log10(255 * 255 / mse) : 99;
}

/* Every layout, depth and odd size: the change has the size that was asked for, colour stays, the same input gives the
 * same bytes. */
static void strength(void)
{
    static const layout layouts[] = {{"420jpeg", 8, 2, 2}, {"420p10", 10, 2, 2}, {"422", 8, 2, 1},
                                     {"444", 8, 1, 1},     {"444p10", 10, 1, 1}, {"mono", 8, 0, 0}};
    static const int size[][2] = {{640, 360}, {643, 361}, {64, 64}, {350, 900}, {1280, 720}};
    const wm_key key = wm_public_key();
    for (size_t k = 0; k < LK_COUNT(layouts); k++)
        for (size_t i = 0; i < LK_COUNT(size); i++) {
            if (k > 1 && i > 1) continue;
            lk_error err = {0};
            lk_reader *r = NULL;
            lk_frame *f = NULL, *a = NULL, *b = NULL;
            wm_embedder *w = NULL;
            const int width = size[i][0], height = size[i][1];
            CHECK_OK(lk_reader_open(write_y4m("layout.y4m", &layouts[k], width, height, 1, 1), &r, &err), &err);
            CHECK_OK(lk_reader_next(r, &f, &err), &err);
            CHECK_OK(lk_frame_writable(f, &a, &err), &err);
            CHECK_OK(lk_frame_writable(f, &b, &err), &err);
            CHECK_OK(wm_embed_open(width, height, ID, &key, 0, &w, &err), &err);
            CHECK_OK(wm_embed_frame(w, a, 0.1, &err), &err);
            CHECK_OK(wm_embed_frame(w, b, 0.1, &err), &err);
            CHECK_INT(lk_frame_get_info(a).bit_depth, layouts[k].depth);
            const double got = psnr_between(f, a);
            CHECK(got >= 43.5 && got <= 44.0, "%s %d x %d: %.2f dB", layouts[k].tag, width, height, got);
            CHECK(psnr_between(a, b) == 99, "the same input gives the same bytes");
            lk_frame_unref(&a);
            CHECK_OK(lk_frame_writable(f, &a, &err), &err);
            CHECK_OK(wm_embed_frame(w, a, 0.1 + WM_FLIP, &err), &err);
            CHECK(psnr_between(a, b) < 40, "the sign flips with time");
            wm_embed_close(&w);
            lk_frame_unref(&f);
            lk_frame_unref(&a);
            lk_frame_unref(&b);
            lk_reader_close(&r);
        }
}

/* Flat, black and white pictures: as much change as asked, though half of the pixels are at the end of their range. */
static void extremes(void)
{
    const wm_key key = wm_public_key();
    static const float level[] = {0, 0.004f, 0.5f, 1};
    for (size_t k = 0; k < LK_COUNT(level); k++) {
        lk_error err = {0};
        lk_image im, marked;
        wm_embedder *w = NULL;
        double sum = 0;
        CHECK_OK(lk_image_new(320, 240, 3, &im, &err), &err);
        for (int i = 0; i < 320 * 240 * 3; i++) im.data[i] = level[k];
        CHECK_OK(lk_image_copy(&im, &marked, &err), &err);
        CHECK_OK(wm_embed_open(320, 240, ID, &key, 45, &w, &err), &err);
        CHECK_OK(wm_embed_image(w, &marked, &err), &err);
        int outside = 0, uneven = 0;
        for (int i = 0; i < 320 * 240; i++) {
            const float *p = marked.data + 3 * i;
            outside += p[0] < 0 || p[0] > 1;
            uneven += p[0] != p[1] || p[1] != p[2];
            sum += (double)(p[0] - level[k]) * (p[0] - level[k]);
        }
        CHECK_INT(outside, 0);
        CHECK_INT(uneven, 0);
        const double psnr = 10 * log10(320 * 240 / sum);
        CHECK(psnr > 44.9 && psnr < 45.2, "level %g: %.2f dB instead of 45", level[k], psnr);
        wm_embed_close(&w);
        lk_image_clear(&im);
        lk_image_clear(&marked);
    }
}

static void refusals(void)
{
    const wm_key key = wm_public_key();
    lk_error err = {0};
    wm_embedder *w = NULL;
    wm_detector *d = NULL;
    lk_image im, small;
    CHECK_STATUS(wm_embed_open(63, 64, ID, &key, 0, &w, &err), LK_E_RANGE, &err);
    CHECK_STATUS(wm_embed_open(64, 16385, ID, &key, 0, &w, &err), LK_E_RANGE, &err);
    CHECK_STATUS(wm_embed_open(64, 64, ID, &key, 10, &w, &err), LK_E_RANGE, &err);
    CHECK_STATUS(wm_embed_open(64, 64, ID, &key, NAN, &w, &err), LK_E_RANGE, &err);
    CHECK(!w, "nothing is left");
    CHECK_OK(wm_embed_open(128, 96, ID, &key, 0, &w, &err), &err);
    scene(128, 96, 0, &im);
    scene(96, 128, 0, &small);
    CHECK_STATUS(wm_embed_image(w, &small, &err), LK_E_ARG, &err);
    CHECK_OK(wm_detect_open(&key, &d, &err), &err);
    CHECK_OK(wm_detect_image(d, &im, &err), &err);
    CHECK_STATUS(wm_detect_image(d, &small, &err), LK_E_ARG, &err);
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    static const layout plain = {"420jpeg", 8, 2, 2};
    CHECK_OK(lk_reader_open(write_y4m("shared.y4m", &plain, 128, 96, 1, 1), &r, &err), &err);
    CHECK_OK(lk_reader_next(r, &f, &err), &err);
    CHECK_STATUS(wm_embed_frame(w, f, 0, &err), LK_E_STATE, &err);
    lk_frame_unref(&f);
    lk_reader_close(&r);
    wm_embed_close(&w);
    wm_detect_close(&d);
    lk_image_clear(&im);
    lk_image_clear(&small);
    /* Nothing added: nothing found. */
    wm_found found;
    CHECK_OK(wm_detect_open(&key, &d, &err), &err);
    CHECK_OK(wm_detect_result(d, &found, &err), &err);
    CHECK(!found.found && found.attempts == 0, "no frames, no id");
    wm_detect_close(&d);
}

/* --- attacks ------------------------------------------------------------------------------------------------------ */

#define FRAMES 20 /* 0.8 s: one flip of the sign inside */
static lk_image marked[FRAMES];

static void mark_scene(void)
{
    const wm_key key = wm_public_key();
    lk_error err = {0};
    wm_embedder *w = NULL;
    if (marked[0].data) return;
    CHECK_OK(wm_embed_open(640, 360, ID, &key, 0, &w, &err), &err);
    for (int n = 0; n < FRAMES; n++) {
        scene(640, 360, n, &marked[n]);
        lk_frame *f = frame_of(&marked[n]);
        CHECK_OK(wm_embed_frame(w, f, n * 0.04, &err), &err);
        CHECK_OK(lk_frame_get_rgb(f, 0, 0, &marked[n], &err), &err);
        lk_frame_unref(&f);
    }
    wm_embed_close(&w);
}

static wm_found read_attacked(const wm_attack *a, const wm_key *key, int frames, wm_effort effort)
{
    lk_error err = {0};
    wm_detector *d = NULL;
    wm_found found = {.found = false};
    CHECK_OK(wm_detect_open(key, &d, &err), &err);
    for (int n = 0; n < frames; n++) {
        lk_image out;
        CHECK_OK(a->run(&marked[n], n, &out, &err), &err);
        if (out.data) CHECK_OK(wm_detect_image_at(d, &out, n * 0.04 + 3.3, &err), &err);
        lk_image_clear(&out);
    }
    CHECK_OK(wm_detect_try(d, effort, NULL, &found, &err), &err);
    wm_detect_close(&d);
    return found;
}

static void survives(void)
{
    const wm_key key = wm_public_key();
    mark_scene();
    for (int i = 0; i < wm_attack_count; i++) {
        const wm_attack *a = &wm_attacks[i];
        const wm_found f = read_attacked(a, &key, FRAMES, WM_THOROUGH);
        printf("# %-8s %s z %.1f errors %.3f scale %.3f angle %.2f\n", a->name, f.found ? "read" : "lost", f.z, f.errors, f.scale,
               f.angle);
        CHECK(!f.found || f.id == ID, "%s: %016" PRIx64, a->name, f.id);
        CHECK(f.found || !a->must, "%s: lost", a->name);
        if (!strcmp(a->name, "closer")) CHECK_NEAR(f.scale, 1 / 0.6, 0.02);
        if (!strcmp(a->name, "pad")) CHECK_NEAR(f.scale, 1 / 1.5, 0.01);
        if (!strcmp(a->name, "mirror")) CHECK(f.mirrored, "known as mirrored");
        if (!strcmp(a->name, "turn")) CHECK_NEAR(fabs(f.angle), 2, 1);
    }
}

static void one_frame_is_enough(void)
{
    const wm_key key = wm_public_key();
    mark_scene();
    for (int i = 0; i < wm_attack_count; i++) {
        if (strcmp(wm_attacks[i].name, "none") && strcmp(wm_attacks[i].name, "jpeg") && strcmp(wm_attacks[i].name, "half")) continue;
        const wm_found f = read_attacked(&wm_attacks[i], &key, 1, WM_QUICK);
        CHECK(f.found && f.id == ID, "%s: %.1f", wm_attacks[i].name, f.z);
    }
}

/* The reader of another key, and every reader of unmarked pictures, stays silent. */
static void silence(void)
{
    wm_key other = wm_public_key();
    other.b[31] ^= 1;
    mark_scene();
    const wm_found f = read_attacked(&wm_attacks[0], &other, FRAMES, WM_TURNED);
    CHECK(!f.found, "another key: %016" PRIx64, f.id);
    const wm_key key = wm_public_key();
    lk_error err = {0};
    wm_detector *d = NULL;
    wm_found found;
    CHECK_OK(wm_detect_open(&key, &d, &err), &err);
    for (int n = 0; n < 60; n++) {
        lk_image im;
        scene(320, 180, n * 7, &im);
        if (n % 3 == 0) {
            lk_rng rng = lk_rng_at(9, 0, 0, (uint64_t)n);
            for (int i = 0; i < im.w * im.h; i++) im.data[i] = lk_rng_uniform(&rng);
        }
        if (n % 10 == 0) wm_detect_forget(d);
        CHECK_OK(wm_detect_image_at(d, &im, n * 0.04, &err), &err);
        lk_image_clear(&im);
        CHECK_OK(wm_detect_try(d, n % 10 == 9 ? WM_TURNED : WM_QUICK, NULL, &found, &err), &err);
        CHECK(!found.found, "frame %d: %016" PRIx64, n, found.id);
    }
    wm_detect_close(&d);
}

/* --- files and faults ------------------------------------------------------------------------------------------- */

static void files(void)
{
    const wm_key key = wm_public_key();
    lk_error err = {0};
    wm_found found;
    lk_image im;
    wm_embedder *w = NULL;
    void *data = NULL;
    size_t n = 0;
    scene(640, 360, 3, &im);
    lk_image rgb;
    CHECK_OK(lk_image_new(640, 360, 3, &rgb, &err), &err);
    for (int i = 0; i < 640 * 360 * 3; i++) rgb.data[i] = im.data[i / 3];
    CHECK_OK(wm_embed_open(640, 360, ID, &key, 0, &w, &err), &err);
    CHECK_OK(wm_embed_image(w, &rgb, &err), &err);
    for (int k = 0; k < 2; k++) {
        const char *path = in_tempdir(k ? "still.jpg" : "still.png");
        CHECK_OK(lk_still_encode(&rgb, k ? "jpg" : "png", NULL, &data, &n, &err), &err);
        CHECK_OK(lk_file_write_atomic(path, data, n, &err), &err);
        lk_free(data);
        CHECK_OK(wm_detect_file(path, &key, &found, NULL, NULL, &err), &err);
        CHECK(found.found && found.id == ID, "%s", path);
    }
    wm_embed_close(&w);
    lk_image_clear(&rgb);
    lk_image_clear(&im);
    static const layout plain = {"420jpeg", 8, 2, 2};
    const char *clip = write_y4m("unmarked.y4m", &plain, 128, 96, 12, 1);
    CHECK_OK(wm_detect_file(clip, &key, &found, NULL, NULL, &err), &err);
    CHECK(!found.found, "an unmarked clip");
    lk_cancel *cancel = lk_cancel_new();
    lk_cancel_raise(cancel);
    CHECK_STATUS(wm_detect_file(clip, &key, &found, cancel, NULL, &err), LK_E_CANCELLED, &err);
    lk_cancel_free(cancel);
    CHECK_STATUS(wm_detect_file(in_tempdir("absent.mp4"), &key, &found, NULL, NULL, &err), LK_E_NOTFOUND, &err);
}

static void faults(void)
{
    const wm_key key = wm_public_key();
    lk_image im;
    scene(96, 96, 0, &im);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_error err = {0};
        wm_embedder *w = NULL;
        lk_status s = wm_embed_open(96, 96, ID, &key, 0, &w, &err);
        CHECK(fault_clean(s) && (s == LK_OK) == (w != NULL), "embed: %d", (int)s);
        if (s == LK_OK) CHECK_OK(wm_embed_image(w, &im, &err), &err);
        wm_embed_close(&w);
    });
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_error err = {0};
        wm_detector *d = NULL;
        wm_found found;
        lk_status s = wm_detect_open(&key, &d, &err);
        if (s == LK_OK) s = wm_detect_image_at(d, &im, 0, &err);
        if (s == LK_OK) s = wm_detect_image_at(d, &im, 0.5, &err);
        if (s == LK_OK) s = wm_detect_result(d, &found, &err);
        CHECK(fault_clean(s), "detect: %d: %s", (int)s, err.message);
        wm_detect_close(&d);
    });
    lk_image_clear(&im);
}

static const check_test tests[] = {{"strength", strength}, {"extremes", extremes}, {"refusals", refusals},
                                   {"survives", survives}, {"one frame", one_frame_is_enough}, {"silence", silence},
                                   {"files", files},       {"faults", faults}};

int main(int argc, char **argv)
{
    tempdir_make("watermark");
    const int rc = check_main(argc, argv, tests, (int)LK_COUNT(tests));
    for (int n = 0; n < FRAMES; n++) lk_image_clear(&marked[n]);
    return tempdir_remove(rc);
}
