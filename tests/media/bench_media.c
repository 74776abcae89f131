/* bench_media.c: what each step of media costs on a clip.  bench_media CLIP
 *
 * First the way of a frame through a render without its networks, one step more at a time: CPU milliseconds a
 * frame (all threads together) and frames/s by the wall clock; the encoded clip goes to a temporary folder
 * and is removed. Then single operations on one thread, the best of 40 runs. */
#include "media/writer.h"

#include <stdio.h>
#include <sys/resource.h>

#include "tempdir.h"

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static const char *const steps[] = {"decode", "+ read as RGB", "+ blend back", "+ encode"};

/* Run the clip through the first `step + 1` steps. */
static lk_status pass(const char *path, int step, double *cpu, double *wall, int *frames, lk_error *err)
{
    lk_reader *r = NULL;
    lk_writer *w = NULL;
    lk_image rgb = {0}, alpha = {0};
    lk_frame *f = NULL, *own = NULL;
    LK_TRY(lk_reader_open(path, &r, err));
    const lk_media_info *m = lk_reader_info(r);
    lk_writer_spec spec = {.path = in_tempdir("out.mp4"), .like = m, .audio_from = path};
    lk_status s = lk_image_new(m->width, m->height, 3, &rgb, err);
    if (s == LK_OK) s = lk_image_new(m->width, m->height, 1, &alpha, err);
    for (int i = 0; s == LK_OK && i < m->width * m->height; i++) alpha.data[i] = 0.7f;
    if (s == LK_OK && step == 3) s = lk_writer_open(&spec, &w, err);
    *cpu = cpu_seconds();
    *wall = lk_now();
    *frames = 0;
    while (s == LK_OK && (s = lk_reader_next(r, &f, err)) == LK_OK) {
        if (step > 0) s = lk_frame_get_rgb(f, 0, 0, &rgb, err);
        if (s == LK_OK && step > 1) s = lk_frame_writable(f, &own, err);
        if (s == LK_OK && step > 1) s = lk_frame_blend_rgb(own, 0, 0, &rgb, &alpha, err);
        if (s == LK_OK && step > 2) s = lk_writer_frame(w, own, err);
        lk_frame_unref(&own);
        lk_frame_unref(&f);
        ++*frames;
    }
    if (s == LK_END) s = w ? lk_writer_finish(w, NULL, 0, err) : LK_OK;
    *cpu = cpu_seconds() - *cpu;
    *wall = lk_now() - *wall;
    lk_writer_abort(&w);
    lk_image_clear(&rgb);
    lk_image_clear(&alpha);
    lk_reader_close(&r);
    return s;
}

#define BEST_OF(name, ...)                              \
    do {                                                \
        double best_ = 1e9;                             \
        for (int k_ = 0; k_ < 40; k_++) {               \
            double t_ = lk_now();                       \
            __VA_ARGS__;                                \
            t_ = lk_now() - t_;                         \
            best_ = LK_MIN(best_, t_);                  \
        }                                               \
        printf("%-42s %7.3f ms\n", name, best_ * 1000); \
    } while (0)

static lk_status operations(const char *path, lk_error *err)
{
    lk_reader *r = NULL;
    lk_frame *f = NULL, *own = NULL;
    lk_image all = {0}, crop = {0}, half = {0};
    lk_status s = lk_reader_open(path, &r, err);
    if (s == LK_OK) s = lk_reader_next(r, &f, err);
    if (s == LK_OK) s = lk_frame_writable(f, &own, err);
    if (s == LK_OK) s = lk_frame_to_image(f, &all, err);
    if (s == LK_OK) s = lk_image_new(160, 160, 3, &crop, err);
    if (s == LK_OK) s = lk_image_new((all.w + 1) / 2, (all.h + 1) / 2, 3, &half, err);
    if (s == LK_OK) {
        const lk_affine near_size = {1.1f, 0.1f, 100, -0.1f, 1.1f, 50},
                        smaller = {2.1f, 0.1f, 100, -0.1f, 2.1f, 50};
        lk_thread_budget_set(1);
        BEST_OF("read the frame as RGB", lk_frame_get_rgb(f, 0, 0, &all, err));
        BEST_OF("read 160 x 160 of it", lk_frame_get_rgb(f, 101, 51, &crop, err));
        BEST_OF("blend the frame", lk_frame_blend_rgb(own, 0, 0, &all, NULL, err));
        BEST_OF("warp to 160 x 160, bilinear",
                lk_image_warp(&all, &crop, near_size, LK_FILTER_BILINEAR, LK_BORDER_CLAMP));
        BEST_OF("warp to 160 x 160, cubic",
                lk_image_warp(&all, &crop, near_size, LK_FILTER_CUBIC, LK_BORDER_CLAMP));
        BEST_OF("warp to 160 x 160, area, 2.1 times smaller",
                lk_image_warp(&all, &crop, smaller, LK_FILTER_AREA, LK_BORDER_CLAMP));
        BEST_OF("resize to 160 x 160, cubic", lk_image_resize(&all, &crop, LK_FILTER_CUBIC));
        BEST_OF("resize to half, area", lk_image_resize(&all, &half, LK_FILTER_AREA));
        BEST_OF("blur 160 x 160, sigma 3", lk_image_blur(&crop, 3, err));
        BEST_OF("blur the frame, sigma 3", lk_image_blur(&all, 3, err));
    }
    lk_image_clear(&all);
    lk_image_clear(&crop);
    lk_image_clear(&half);
    lk_frame_unref(&f);
    lk_frame_unref(&own);
    lk_reader_close(&r);
    return s;
}

int main(int argc, char **argv)
{
    lk_error err = {0};
    lk_status s = LK_OK;
    double before = 0;
    if (argc != 2) {
        fprintf(stderr, "bench_media CLIP\n");
        return 2;
    }
    tempdir_make("bench-media");
    for (int step = 0; step < 4 && s == LK_OK; step++) {
        double cpu, wall;
        int frames;
        s = pass(argv[1], step, &cpu, &wall, &frames, &err);
        if (s != LK_OK || !frames) break;
        cpu *= 1000.0 / frames;
        printf("%-14s %7.3f CPU ms a frame (this step %.3f), %.0f frames/s\n", steps[step], cpu, cpu - before,
               frames / wall);
        before = cpu;
    }
    if (s == LK_OK) s = operations(argv[1], &err);
    if (s != LK_OK) fprintf(stderr, "%s\n", err.message);
    return tempdir_remove(s == LK_OK ? 0 : 1);
}
