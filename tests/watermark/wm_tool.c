/* wm_tool.c: the picture's watermark on files, for benches and for the curious developer. Not installed: what leaves the
 * program leaves through mark/, this writes bare test material.
 *
 *     wm_tool embed IN OUT.mp4 ID [PSNR] [SECONDS]   mark a clip (ID in hex); prints PSNR mean, least, ms a frame
 *     wm_tool still IN OUT.png|jpg ID                mark a picture
 *     wm_tool detect FILE                           prints "id" or "none", then z and errors
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark/watermark/watermark.h"
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
    double mse_sum = 0, mse_max = 0, time = 0;
    int64_t frames = 0;
    lk_frame *f = NULL, *own = NULL;
    lk_status s;
    while ((s = lk_reader_next(r, &f, &err)) == LK_OK) {
        const double t = lk_frame_get_info(f).seconds;
        if (t >= seconds) break;
        if (lk_frame_writable(f, &own, &err) != LK_OK) return fail(&err);
        const double start = lk_now();
        if (wm_embed_frame(e, own, t, &err) != LK_OK) return fail(&err);
        time += lk_now() - start;
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
           time / (double)frames * 1e3, (long long)frames);
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

int main(int argc, char **argv)
{
    if (argc >= 5 && !strcmp(argv[1], "embed")) return embed(argc, argv);
    if (argc >= 5 && !strcmp(argv[1], "still")) return still(argv);
    if (argc >= 3 && !strcmp(argv[1], "detect")) return detect(argv);
    fprintf(stderr, "usage: wm_tool embed IN OUT.mp4 ID [PSNR [SECONDS]] | still IN OUT ID | detect FILE\n");
    return 2;
}
