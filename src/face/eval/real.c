/* real.c: following real people in real footage, and how fast. There are no points
 * to compare with; counted are pictures with the right number of faces and tracks
 * that broke.
 */
#include "face/eval/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct tally { int64_t frames, right, tracks, people, clips, quality_frames; double quality; } tally;

/* people: how many are to be seen in every picture of the clip. */
static lk_status watch(lk_eval *e, const char *path, int people, tally *t, lk_error *err)
{
    lk_face_clip clip;
    LK_TRY(lk_analyse_clip(e->a, path, &clip, e->o->cancel, NULL, err));
    for (int64_t f = 0; f < clip.count; f++) {
        t->frames++;
        t->right += clip.frames[f].count == people;
        for (int i = 0; i < clip.frames[f].count; i++)
            t->quality += clip.frames[f].faces[i].quality, t->quality_frames++;
    }
    t->tracks += clip.tracks;
    t->people += people;
    t->clips++;
    lk_face_clip_clear(&clip);
    return lk_eval_tick(e, path, err);
}

static lk_status folder(lk_eval *e, const char *name, const char *suffix, tally *t, lk_error *err)
{
    char path[1024], full[1300];
    lk_eval_names names;
    lk_eval_path(e, path, "%s", name);
    LK_TRY(lk_eval_list(path, suffix, &names, err));
    lk_status s = LK_OK;
    for (int i = 0; i < names.count && s == LK_OK; i++) {
        snprintf(full, sizeof full, "%s/%s", path, names.name[i]);
        s = watch(e, full, strstr(names.name[i], "-and-") ? 2 : 1, t, err);
    }
    lk_eval_names_free(&names);
    return s;
}

static lk_status report(lk_eval *e, const char *name, const tally *t, lk_error *err)
{
    char figure[96];
    snprintf(figure, sizeof figure, "%s: pictures with the right number of faces", name);
    LK_TRY(lk_eval_report(e, "real", figure, 100.0 * (double)t->right / (double)LK_MAX(t->frames, 1), "%",
                          ">= 99", t->frames, err));
    snprintf(figure, sizeof figure, "%s: tracks beyond one a person", name);
    LK_TRY(lk_eval_report(e, "real", figure, (double)(t->tracks - t->people), "", "0", t->clips, err));
    snprintf(figure, sizeof figure, "%s: mean quality of the points", name);
    return lk_eval_report(e, "real", figure, t->quality / (double)LK_MAX(t->quality_frames, 1), "", "",
                          t->quality_frames, err);
}

lk_status lk_eval_real(lk_eval *e, lk_error *err)
{
    tally grid = {0}, turning = {0};
    LK_TRY(folder(e, "grid/s1", ".mpg", &grid, err));
    LK_TRY(folder(e, "grid/other", ".mpg", &grid, err));
    LK_TRY(report(e, "GRID", &grid, err));
    LK_TRY(folder(e, "video_intel", ".mp4", &turning, err));
    return report(e, "head turns", &turning, err);
}

lk_status lk_eval_speed(lk_eval *e, lk_error *err)
{
    char path[1024];
    double best = INFINITY;
    int64_t frames = 0;
    lk_eval_path(e, path, "actors/actors/A/perf.mp4");
    for (int run = 0; run < 2; run++) { /* the first also plans the networks for this size */
        lk_face_clip clip;
        double start = lk_now();
        LK_TRY(lk_analyse_clip(e->a, path, &clip, e->o->cancel, NULL, err));
        best = fmin(best, lk_now() - start);
        frames = clip.count;
        lk_face_clip_clear(&clip);
    }
    LK_TRY(lk_eval_report(e, "speed", "one face at 640x360, file to tracks", (double)frames / best,
                          "frames/s", ">= 100", frames, err));
    lk_image crop;
    float v[LK_EMBEDDING];
    enum { CROPS = 50 };
    LK_TRY(lk_image_new(96, 96, 3, &crop, err));
    lk_status s = lk_face_embed(e->a, &crop, v, err);
    best = INFINITY;
    for (int i = 0; i < CROPS && s == LK_OK; i++) {
        double start = lk_now();
        s = lk_face_embed(e->a, &crop, v, err);
        best = fmin(best, lk_now() - start);
    }
    lk_image_clear(&crop);
    LK_TRY(s);
    return lk_eval_report(e, "speed", "embedding of a crop", 1e3 * best, "ms", "<= 3", CROPS, err);
}
