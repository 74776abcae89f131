/* bench_mark.c: the picture's watermark: how much it changes, what it costs, what it survives of the table in
 * mark/watermark/attacks.h, and whether it is seen where it is not. Codecs are measured by tools/bench_mark.py. Nothing
 * marked here is written anywhere.
 */
#include "mark/watermark/attacks.h"
#include "mark/watermark/video.h"
#include "studio/studio.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FRAMES = 25, STRIDE = 2 }; /* two seconds of every other frame */
#define ID 0x5eed0f1d00c0ffeeull

typedef struct mark_bench {
    lk_image plain[FRAMES], marked[FRAMES]; /* grey */
    double seconds[FRAMES];
    int count;
    double mse_most, embed_time, read_time, ask_time;
    int64_t embedded, read, asked;
    int clips, right[64], wrong, ghosts;
} mark_bench;

static void forget(mark_bench *m)
{
    for (int i = 0; i < FRAMES; i++) {
        lk_image_clear(&m->plain[i]);
        lk_image_clear(&m->marked[i]);
    }
    m->count = 0;
}

/* Of this thread: what else runs on the machine changes it little. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double change(const lk_image *a, const lk_image *b)
{
    double sum = 0;
    for (int i = 0; i < a->w * a->h; i++) sum += (double)(a->data[i] - b->data[i]) * (a->data[i] - b->data[i]);
    return sum / ((double)a->w * a->h);
}

static lk_status take_frame(mark_bench *m, wm_embedder *w, const lk_frame *f, lk_error *err)
{
    const lk_frame_info info = lk_frame_get_info(f);
    const int i = m->count;
    lk_frame *own = NULL;
    LK_TRY(lk_image_new(info.width, info.height, 1, &m->plain[i], err));
    LK_TRY(lk_image_new(info.width, info.height, 1, &m->marked[i], err));
    LK_TRY(lk_frame_get_rgb(f, 0, 0, &m->plain[i], err));
    LK_TRY(lk_frame_writable(f, &own, err));
    const double start = cpu_seconds();
    lk_status s = wm_embed_frame(w, own, info.seconds, err);
    m->embed_time += cpu_seconds() - start;
    m->embedded++;
    if (s == LK_OK) s = lk_frame_get_rgb(own, 0, 0, &m->marked[i], err);
    lk_frame_unref(&own);
    m->seconds[i] = info.seconds;
    m->count++;
    /* Grey is luma over its range; code values of the coded range count. */
    const double range = lk_frame_luma(f).white - lk_frame_luma(f).black;
    if (s == LK_OK) m->mse_most = LK_MAX(m->mse_most, change(&m->plain[i], &m->marked[i]) * range * range);
    return s;
}

static lk_status take_clip(mark_bench *m, const char *path, const wm_key *key, lk_error *err)
{
    lk_reader *r = NULL;
    wm_embedder *w = NULL;
    lk_status s = lk_reader_open(path, &r, err);
    if (s == LK_OK) s = wm_embed_open(lk_reader_info(r)->width, lk_reader_info(r)->height, ID, key, 0, &w, err);
    for (int n = 0; s == LK_OK && m->count < FRAMES; n++) {
        lk_frame *f = NULL;
        s = lk_reader_next(r, &f, err);
        if (s == LK_OK && n % STRIDE == 0) s = take_frame(m, w, f, err);
        lk_frame_unref(&f);
    }
    wm_embed_close(&w);
    lk_reader_close(&r);
    return s == LK_END ? LK_OK : s;
}

/* attack NULL: the unmarked pictures. */
static lk_status read_back(mark_bench *m, const wm_attack *attack, const wm_key *key, wm_found *found, lk_error *err)
{
    wm_detector *d = NULL;
    lk_status s = wm_detect_open(key, &d, err);
    for (int i = 0; s == LK_OK && i < m->count; i++) {
        lk_image seen = {.data = NULL};
        s = attack ? attack->run(&m->marked[i], i, &seen, err) : lk_image_copy(&m->plain[i], &seen, err);
        const double start = cpu_seconds();
        if (s == LK_OK && seen.data) s = wm_detect_image_at(d, &seen, m->seconds[i], err);
        m->read_time += cpu_seconds() - start;
        m->read++;
        lk_image_clear(&seen);
    }
    const double start = cpu_seconds();
    if (s == LK_OK) s = wm_detect_try(d, WM_QUICK, NULL, found, err);
    m->ask_time += cpu_seconds() - start;
    m->asked++;
    if (s == LK_OK && !found->found) s = wm_detect_try(d, WM_THOROUGH, NULL, found, err);
    wm_detect_close(&d);
    return s;
}

static lk_status one_clip(const lk_bench *b, mark_bench *m, const char *path, lk_error *err)
{
    const wm_key key = wm_public_key();
    wm_found found;
    LK_TRY(take_clip(m, path, &key, err));
    for (int k = 0; k < wm_attack_count && k < (int)LK_COUNT(m->right); k++) {
        if (lk_cancel_raised(b->cancel)) return LK_FAIL(err, LK_E_CANCELLED, "stopped");
        LK_TRY(read_back(m, &wm_attacks[k], &key, &found, err));
        m->right[k] += found.found && found.id == ID;
        m->wrong += found.found && found.id != ID;
    }
    LK_TRY(read_back(m, NULL, &key, &found, err));
    m->ghosts += found.found;
    m->clips++;
    return LK_OK;
}

static lk_status report(const lk_bench *b, const mark_bench *m, lk_error *err)
{
    char figure[96];
    snprintf(figure, sizeof figure, "least PSNR of a frame (n %lld)", (long long)m->embedded);
    LK_TRY(lk_bench_row(b, "picture", figure, 10 * log10(255 * 255 / m->mse_most), "dB", ">= 43.5", err));
    LK_TRY(lk_bench_row(b, "picture", "embedding a frame, CPU", m->embed_time / (double)m->embedded * 1e3, "ms", "<= 2", err));
    LK_TRY(lk_bench_row(b, "picture", "reading a frame in, CPU", m->read_time / (double)m->read * 1e3, "ms", "", err));
    LK_TRY(lk_bench_row(b, "picture", "asking for the id, CPU", m->ask_time / (double)m->asked * 1e3, "ms", "", err));
    for (int k = 0; k < wm_attack_count && k < (int)LK_COUNT(m->right); k++) {
        snprintf(figure, sizeof figure, "%s: exact ids (n %d)", wm_attacks[k].what, m->clips);
        LK_TRY(lk_bench_row(b, wm_attacks[k].name, figure, 100.0 * m->right[k] / m->clips, "%", wm_attacks[k].must ? ">= 95" : "", err));
    }
    LK_TRY(lk_bench_row(b, "picture", "wrong ids", m->wrong, "", "0", err));
    return lk_bench_row(b, "picture", "ids read where there is none", m->ghosts, "", "0", err);
}

lk_status lk_bench_mark(const lk_bench *b, lk_error *err)
{
    static const char *const clip[] = {"actors/actors/A/perf.mp4", "actors/actors/B/perf.mp4", "actors/actors/C/perf.mp4",
                                       "actors/actors/D/perf.mp4", "actors/actors/E/perf.mp4", "actors/actors/F/perf.mp4",
                                       "grid/s1/bbaf2n.mpg",       "grid/other/lbax4n.mpg",
                                       "video_intel/head-pose-face-detection-female.mp4"};
    mark_bench *m = lk_calloc(1, sizeof *m);
    if (!m) return LK_FAIL(err, LK_E_NOMEM, "no memory for the bench");
    lk_status s = LK_OK;
    lk_meter meter;
    lk_meter_init(&meter, b->progress, "watermark", "clips", LK_COUNT(clip));
    for (size_t i = 0; i < LK_COUNT(clip) && s == LK_OK; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%.800s/%s", b->data, clip[i]);
        if (lk_path_exists(path)) s = one_clip(b, m, path, err);
        forget(m);
        lk_meter_set(&meter, (int64_t)i + 1, NULL);
    }
    lk_meter_finish(&meter, "");
    if (s == LK_OK && !m->clips) s = LK_FAIL(err, LK_E_NOTFOUND, "%s holds none of the bench's clips; say where with --data", b->data);
    if (s == LK_OK) s = report(b, m, err);
    lk_free(m);
    return s;
}
