/* wm_tool.c: the picture's watermark on files, for benches and for the curious developer. Not installed: what leaves the
 * program leaves through mark/, this writes bare test material.
 *
 *     wm_tool embed IN OUT.mp4 ID [PSNR] [SECONDS]   mark a clip (ID in hex); prints PSNR mean, least, CPU ms a frame
 *     wm_tool still IN OUT.png|jpg ID                mark a picture
 *     wm_tool detect FILE                           prints "id" or "none", then z and errors
 *     wm_tool null SECONDS FILE...                  look in unmarked clips: each frame alone and in growing sums, as it is,
 *                                                   halved, cropped, noisy, darker and mirrored; prints what was found
 *     wm_tool alone FILE...                         the same for frames alone, without the costly sums: many frames soon
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mark/watermark/video.h"
#include "media/writer.h"

static int fail(const lk_error *err)
{
    fprintf(stderr, "wm_tool: %s\n", err->message);
    return 1;
}

static double luma_mse(const lk_frame *a, const lk_frame *b)
{
    const lk_luma p = lk_frame_luma(a), q = lk_frame_luma(b);
    double sum = 0;
    for (int y = 0; y < p.height; y++) {
        const uint8_t *r = (const uint8_t *)p.plane[0] + y * p.stride[0], *s = (const uint8_t *)q.plane[0] + y * q.stride[0];
        int64_t line = 0;
        for (int x = 0; x < p.width; x++) {
            const int d = p.bit_depth > 8 ? ((const uint16_t *)r)[x] - ((const uint16_t *)s)[x] : r[x] - s[x];
            line += d * d;
        }
        sum += (double)line;
    }
    const double unit = 1 << (p.bit_depth - 8);
    return sum / ((double)p.width * p.height) / (unit * unit);
}

/* Of this thread alone: a busy machine does not change it much. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double psnr_of(double mse) { return mse > 0 ? 10 * log10(255.0 * 255.0 / mse) : 99; }

static int embed(int argc, char **argv)
{
    lk_error err = {0};
    lk_reader *r = NULL;
    lk_writer *w = NULL;
    wm_embedder *e = NULL;
    const wm_key key = wm_public_key();
    const double psnr = argc > 5 ? atof(argv[5]) : 0, seconds = argc > 6 ? atof(argv[6]) : 1e9;
    if (lk_reader_open(argv[2], &r, &err) != LK_OK) return fail(&err);
    const lk_media_info *info = lk_reader_info(r);
    const lk_writer_spec spec = {.path = argv[3], .like = info, .crf = getenv("WM_CRF") ? atoi(getenv("WM_CRF")) : 0, .threads = 1};
    if (lk_writer_open(&spec, &w, &err) != LK_OK) return fail(&err);
    if (wm_embed_open(info->width, info->height, strtoull(argv[4], NULL, 16), &key, psnr, &e, &err) != LK_OK) return fail(&err);
    double mse_sum = 0, mse_max = 0, spent = 0;
    int64_t frames = 0;
    lk_frame *f = NULL, *own = NULL;
    lk_status s;
    while ((s = lk_reader_next(r, &f, &err)) == LK_OK) {
        const double t = lk_frame_get_info(f).seconds;
        if (t >= seconds) break;
        if (lk_frame_writable(f, &own, &err) != LK_OK) return fail(&err);
        const double start = cpu_seconds();
        if (wm_embed_frame(e, own, t, &err) != LK_OK) return fail(&err);
        spent += cpu_seconds() - start;
        const double mse = luma_mse(f, own);
        mse_sum += mse;
        mse_max = LK_MAX(mse_max, mse);
        frames++;
        if (lk_writer_frame(w, own, &err) != LK_OK) return fail(&err);
        lk_frame_unref(&own);
        lk_frame_unref(&f);
    }
    lk_frame_unref(&f);
    if (s < 0) return fail(&err);
    char draft[1100];
    void *data = NULL;
    size_t n = 0;
    if (lk_writer_finish(w, draft, sizeof draft, &err) != LK_OK || lk_file_read(draft, 1u << 30, &data, &n, &err) != LK_OK ||
        lk_file_write_atomic(argv[3], data, n, &err) != LK_OK)
        return fail(&err);
    lk_free(data);
    lk_writer_abort(&w);
    printf("psnr %.2f least %.2f ms %.2f frames %lld\n", psnr_of(mse_sum / (double)frames), psnr_of(mse_max),
           spent / (double)frames * 1e3, (long long)frames);
    wm_embed_close(&e);
    lk_reader_close(&r);
    return 0;
}

static int still(char **argv)
{
    lk_error err = {0};
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    lk_image im = {0};
    wm_embedder *e = NULL;
    void *data = NULL;
    size_t n = 0;
    const wm_key key = wm_public_key();
    const char *kind = strrchr(argv[3], '.') ? strrchr(argv[3], '.') + 1 : "png";
    if (lk_reader_open(argv[2], &r, &err) != LK_OK || lk_reader_next(r, &f, &err) != LK_OK ||
        lk_frame_to_image(f, &im, &err) != LK_OK ||
        wm_embed_open(im.w, im.h, strtoull(argv[4], NULL, 16), &key, 0, &e, &err) != LK_OK ||
        wm_embed_image(e, &im, &err) != LK_OK || lk_still_encode(&im, kind, NULL, &data, &n, &err) != LK_OK ||
        lk_file_write_atomic(argv[3], data, n, &err) != LK_OK)
        return fail(&err);
    lk_free(data);
    wm_embed_close(&e);
    lk_image_clear(&im);
    lk_frame_unref(&f);
    lk_reader_close(&r);
    return 0;
}

static void report(const wm_found *f, double seconds)
{
    if (f->found) printf("%016llx", (unsigned long long)f->id);
    else printf("none");
    printf(" z %.1f errors %.3f scale %.4f angle %.2f%s attempts %lld used %.2f seconds %.2f\n", f->z, f->errors, f->scale,
           f->angle, f->mirrored ? " mirrored" : "", (long long)f->attempts, f->end - f->begin, seconds);
}

static int detect(char **argv)
{
    lk_error err = {0};
    wm_found found;
    const wm_key key = wm_public_key();
    const double start = lk_now();
    if (wm_detect_file(argv[2], &key, &found, NULL, NULL, &err) != LK_OK) return fail(&err);
    report(&found, lk_now() - start);
    return 0;
}

/* What else an unmarked frame may look like; kind 0 leaves it. in is grey. */
enum { VARIANTS = 6 };
static lk_status variant(const lk_image *in, int kind, uint64_t frame, lk_image *out, lk_error *err)
{
    const int x0 = kind == 2 ? in->w / 9 : 0, y0 = kind == 2 ? in->h / 7 : 0, step = kind == 1 ? 2 : 1;
    LK_TRY(lk_image_new((in->w - 2 * x0) / step, (in->h - 2 * y0) / step, 1, out, err));
    lk_rng rng = lk_rng_at(7, (uint32_t)kind, 0, frame);
    for (int y = 0; y < out->h; y++)
        for (int x = 0; x < out->w; x++) {
            const float *p = in->data + (size_t)(y0 + y * step) * in->w + x0 + (kind == 5 ? in->w - 1 - x : x * step);
            float v = kind == 1 ? 0.25f * (p[0] + p[1] + p[in->w] + p[in->w + 1]) : *p;
            if (kind == 3) v += 0.1f * (lk_rng_uniform(&rng) - 0.5f);
            if (kind == 4) v *= 0.6f;
            out->data[(size_t)y * out->w + x] = v;
        }
    return LK_OK;
}

typedef struct tally {
    int64_t frames, asked, attempts, found;
    double z;
} tally;

static void count(tally *t, const wm_found *f, const char *path)
{
    t->asked++;
    t->attempts += f->attempts;
    t->z = LK_MAX(t->z, f->z);
    if (!f->found) return;
    t->found++;
    printf("FALSE ACCEPT %016llx z %.2f errors %.3f in %s\n", (unsigned long long)f->id, f->z, f->errors, path);
}

/* One clip in one variant: frames alone by the quick way, sums of 32 in all orientations, one full search. */
static lk_status null_clip(const char *path, int kind, double until, tally *t, lk_error *err)
{
    const wm_key key = wm_public_key();
    lk_reader *r = NULL;
    wm_detector *alone = NULL, *sum = NULL;
    lk_frame *f = NULL;
    wm_found found;
    lk_status s;
    LK_TRY(lk_reader_open(path, &r, err));
    LK_TRY(wm_detect_open(&key, &alone, err));
    LK_TRY(wm_detect_open(&key, &sum, err));
    for (int64_t n = 1; (s = lk_reader_next(r, &f, err)) == LK_OK && lk_now() < until; n++) {
        const lk_frame_info info = lk_frame_get_info(f);
        lk_image grey, seen;
        LK_TRY(lk_image_new(info.width, info.height, 1, &grey, err));
        LK_TRY(lk_frame_get_rgb(f, 0, 0, &grey, err));
        LK_TRY(variant(&grey, kind, (uint64_t)n, &seen, err));
        wm_detect_forget(alone);
        LK_TRY(wm_detect_image(alone, &seen, err));
        LK_TRY(wm_detect_try(alone, WM_QUICK, NULL, &found, err));
        count(t, &found, path);
        LK_TRY(wm_detect_image_at(sum, &seen, info.seconds, err));
        if (n % 32 == 0 || n == 300) {
            LK_TRY(wm_detect_try(sum, n == 320 ? WM_THOROUGH : WM_TURNED, NULL, &found, err));
            count(t, &found, path);
        }
        if (n % 320 == 0) wm_detect_forget(sum);
        t->frames++;
        lk_image_clear(&grey);
        lk_image_clear(&seen);
        lk_frame_unref(&f);
    }
    lk_frame_unref(&f);
    wm_detect_close(&alone);
    wm_detect_close(&sum);
    lk_reader_close(&r);
    return s == LK_END ? LK_OK : s;
}

/* Every frame of a clip or still in every variant, by itself. */
static lk_status alone_clip(const char *path, tally *t, lk_error *err)
{
    const wm_key key = wm_public_key();
    lk_reader *r = NULL;
    wm_detector *d = NULL;
    lk_frame *f = NULL;
    wm_found found;
    lk_status s;
    LK_TRY(lk_reader_open(path, &r, err));
    LK_TRY(wm_detect_open(&key, &d, err));
    for (int64_t n = 1; (s = lk_reader_next(r, &f, err)) == LK_OK; n++) {
        const lk_frame_info info = lk_frame_get_info(f);
        lk_image grey, seen;
        LK_TRY(lk_image_new(info.width, info.height, 1, &grey, err));
        LK_TRY(lk_frame_get_rgb(f, 0, 0, &grey, err));
        for (int kind = 0; kind < VARIANTS; kind++) {
            LK_TRY(variant(&grey, kind, (uint64_t)n, &seen, err));
            wm_detect_forget(d);
            LK_TRY(wm_detect_image(d, &seen, err));
            LK_TRY(wm_detect_try(d, WM_QUICK, NULL, &found, err));
            count(t, &found, path);
            lk_image_clear(&seen);
        }
        t->frames += VARIANTS;
        lk_image_clear(&grey);
        lk_frame_unref(&f);
    }
    lk_frame_unref(&f);
    wm_detect_close(&d);
    lk_reader_close(&r);
    return s == LK_END ? LK_OK : s;
}

static void tell(const tally *t)
{
    printf("frames %lld asked %lld attempts %lld most_z %.2f found %lld\n", (long long)t->frames, (long long)t->asked,
           (long long)t->attempts, t->z, (long long)t->found);
}

static int alone_test(int argc, char **argv)
{
    lk_error err = {0};
    tally t = {.frames = 0};
    for (int i = 2; i < argc; i++)
        if (alone_clip(argv[i], &t, &err) != LK_OK) return fail(&err);
    tell(&t);
    return 0;
}

static int null_test(int argc, char **argv)
{
    lk_error err = {0};
    tally t = {.frames = 0};
    const double until = lk_now() + atof(argv[2]);
    for (int kind = 0; kind < VARIANTS; kind++)
        for (int i = 3; i < argc && lk_now() < until; i++)
            if (null_clip(argv[i], kind, until, &t, &err) != LK_OK) return fail(&err);
    tell(&t);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && !strcmp(argv[1], "embed")) return embed(argc, argv);
    if (argc >= 5 && !strcmp(argv[1], "still")) return still(argv);
    if (argc >= 4 && !strcmp(argv[1], "null")) return null_test(argc, argv);
    if (argc >= 3 && !strcmp(argv[1], "alone")) return alone_test(argc, argv);
    if (argc >= 3 && !strcmp(argv[1], "detect")) return detect(argv);
    fprintf(stderr, "usage: wm_tool embed IN OUT.mp4 ID [PSNR [SECONDS]] | still IN OUT ID | detect FILE | null SECONDS FILE... | alone FILE...\n");
    return 2;
}
