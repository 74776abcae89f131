/* video_scale.c: the mark in a picture that was cropped, enlarged or turned by an unknown amount.
 *
 * A geometry is right when the folded tile answers to the sync chips, so the search is a line of geometries, each a step
 * from the next that moves the picture's corner by a third of a chip. The best few are polished, stretch and angle too,
 * and only then is anything decoded. (The pattern's own period would show in the autocorrelation; but after a crop
 * little more than one tile is left, while the sync chips answer to a single one.)
 */
#include "mark/watermark/video.h"

#include <math.h>
#include <string.h>

#define STEP 0.35      /* chips, at the far edge */
#define FINALISTS 6
#define POLISH_TURNS 3
#define ANGLE_MOST 6.0 /* degrees */

static wm_view view_of(const wm_pose *p)
{
    static const int turn[4][4] = {{1, 0, 0, 1}, {0, -1, 1, 0}, {-1, 0, 0, -1}, {0, 1, -1, 0}};
    const double a = p->angle * (3.14159265358979 / 180), c = cos(a), s = p->angle == 0 ? 0 : sin(a);
    const double cx = p->cell * p->stretch, cy = p->cell, flip = p->mirrored ? -1 : 1;
    /* Turn by quarters, mirror, turn by the angle, then scale the picture's own axes. */
    const int *q = turn[p->quarters & 3];
    const double xx = flip * q[0], xy = flip * q[1], yx = q[2], yy = q[3];
    return (wm_view){cx * (c * xx - s * yx), cx * (c * xy - s * yy), cy * (s * xx + c * yx), cy * (s * xy + c * yy)};
}

double wm_rung_cell(const wm_stack *s, int rung)
{
    return (double)LK_MIN(s->frame_w, s->frame_h) / s->q / (2 * rung);
}

bool wm_try_pose(wm_read *r, const wm_stack *s, const wm_pose *p, wm_found *found)
{
    const wm_view v = view_of(p);
    if (!wm_read_view(r, s, &v, true, NULL, found)) return false;
    found->angle = p->angle + 90 * p->quarters;
    found->mirrored = p->mirrored;
    return true;
}

/* Half the size: while chips are large it loses nothing and is four times as fast. */
static bool halve(const wm_stack *s, wm_stack *half)
{
    *half = (wm_stack){.frame_w = s->frame_w, .frame_h = s->frame_h, .q = 2 * s->q, .w = s->w / 2, .h = s->h / 2, .frames = s->frames};
    for (int k = 0; k < WM_SLOTS; k++) {
        if (!s->slot[k]) continue;
        half->slot[k] = lk_alloc((size_t)half->w * (size_t)half->h * sizeof(float));
        if (!half->slot[k]) return false;
        for (int y = 0; y < half->h; y++) {
            const float *a = s->slot[k] + (size_t)(2 * y) * s->w, *b = a + s->w;
            float *out = half->slot[k] + (size_t)y * half->w;
            for (int x = 0; x < half->w; x++) out[x] = a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1];
        }
    }
    return true;
}

typedef struct search {
    wm_read *r;
    const wm_stack *full, *half;
    const lk_cancel *cancel;
    wm_found *found;
    wm_pose best[FINALISTS];
    double score[FINALISTS];
    int count;
} search;

static double score_of(const search *q, const wm_pose *p)
{
    const bool small = p->cell * LK_MIN(p->stretch, 1.0) >= 2.2;
    wm_pose scaled = *p;
    double score;
    if (small) scaled.cell /= 2;
    const wm_view v = view_of(&scaled);
    wm_read_view(q->r, small ? q->half : q->full, &v, false, &score, q->found);
    return score;
}

/* Geometries that are neighbours of a finalist replace it or are dropped: one hill, one place. */
static void keep(search *q, const wm_pose *p, double score, double near_scale, double near_angle)
{
    for (int i = 0; i < q->count; i++) {
        if (fabs(log(q->best[i].cell / p->cell)) > near_scale || fabs(q->best[i].angle - p->angle) > near_angle) continue;
        if (score <= q->score[i]) return;
        for (q->count--; i < q->count; i++) {
            q->best[i] = q->best[i + 1];
            q->score[i] = q->score[i + 1];
        }
    }
    int i = q->count < FINALISTS ? q->count++ : FINALISTS;
    for (; i > 0 && q->score[i - 1] < score; i--) {
        if (i == FINALISTS) continue;
        q->best[i] = q->best[i - 1];
        q->score[i] = q->score[i - 1];
    }
    if (i == FINALISTS) return;
    q->best[i] = *p;
    q->score[i] = score;
}

/* Climb in scale, stretch and angle by halving steps, then read. */
static bool polish(search *q, wm_pose p, double score, double step)
{
    for (int turn = 0; turn < POLISH_TURNS; turn++, step /= 2)
        for (int what = 0; what < 3; what++)
            for (int way = -1; way <= 1; way += 2)
                for (int moves = 0; moves < 4; moves++) {
                    wm_pose next = p;
                    if (what == 0) next.cell *= exp(way * step);
                    if (what == 1) next.stretch *= exp(way * step);
                    if (what == 2) next.angle += way * step * (180 / 3.14159265358979);
                    const double s = score_of(q, &next);
                    if (s <= score) break;
                    score = s;
                    p = next;
                }
    if (!wm_try_pose(q->r, q->full, &p, q->found)) return false;
    q->found->scale = p.cell / wm_rung_cell(q->full, wm_chips_across(LK_MIN(q->full->frame_w, q->full->frame_h)));
    return true;
}

static double step_at(const search *q, double cell) { return STEP * 2 * cell / (LK_MAX(q->full->w, q->full->h) / 2.0); }

static bool finish(search *q, double share_of_step)
{
    for (int i = 0; i < q->count && !lk_cancel_raised(q->cancel); i++)
        if (polish(q, q->best[i], q->score[i], step_at(q, q->best[i].cell) * share_of_step)) return true;
    return false;
}

static bool search_scale(search *q)
{
    const double whole = wm_rung_cell(q->full, wm_chips_across(LK_MIN(q->full->frame_w, q->full->frame_h)));
    q->count = 0;
    for (double cell = LK_MAX(0.45 * whole, 0.8); cell < 3 * whole && !lk_cancel_raised(q->cancel); cell *= 1 + step_at(q, cell)) {
        const wm_pose p = {.cell = cell, .stretch = 1};
        keep(q, &p, score_of(q, &p), 2.5 * step_at(q, cell), 1);
    }
    return finish(q, 0.5);
}

static bool search_turn(search *q)
{
    q->count = 0;
    for (int i = 0; i < 2; i++) {
        const wm_pose whole = {.cell = wm_rung_cell(q->full, wm_rung[i]), .stretch = 1};
        const double step = step_at(q, whole.cell) * (180 / 3.14159265358979);
        for (double angle = -ANGLE_MOST; angle <= ANGLE_MOST && !lk_cancel_raised(q->cancel); angle += step) {
            wm_pose p = whole;
            p.angle = angle;
            keep(q, &p, score_of(q, &p), 0.05, 2.5 * step);
        }
    }
    return finish(q, 0.5);
}

lk_status wm_search(wm_read *r, const wm_stack *s, const lk_cancel *cancel, wm_found *found, lk_error *err)
{
    wm_stack half;
    const bool ready = halve(s, &half);
    if (ready) {
        search q = {.r = r, .full = s, .half = &half, .cancel = cancel, .found = found};
        if (!search_scale(&q)) search_turn(&q);
    }
    wm_stack_clear(&half);
    if (!ready) return LK_FAIL(err, LK_E_NOMEM, "no memory to look for a watermark in %d x %d", s->w, s->h);
    if (!found->found && lk_cancel_raised(cancel)) return LK_FAIL(err, LK_E_CANCELLED, "stopped while looking for a watermark");
    return LK_OK;
}
